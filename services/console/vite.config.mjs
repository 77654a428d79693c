import preact from '@preact/preset-vite';
import { defineConfig } from 'vite';

/** A running cluster's gateway, for developing the page. */
const gateway = `http://127.0.0.1:${process.env.SLUICE_PORT ?? '8080'}`;

export default defineConfig({
  // Relative, so that the page also works behind a proxy that serves it under a path.
  base: './',
  plugins: [preact()],
  server: { proxy: { '/ws': { target: gateway, ws: true }, '/api': { target: gateway } } },
  build: {
    target: 'es2022',
    // data: URIs would need an exception in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
