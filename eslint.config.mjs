import js from '@eslint/js';
import tseslint from 'typescript-eslint';

import { noImportCircles } from './deploy/lint/no-import-circles.mjs';

/** Technology packages: for adapter folders, `compose.ts`, `main.ts` and tests. */
const TECHNOLOGY = [
  'express',
  'ws',
  '@grpc/*',
  '@nats-io/*',
  '@sluice/grpc-kit',
  '@sluice/nats-kit',
  '@sluice/service-kit',
  '@sluice/tracing',
  '@opentelemetry/*',
  'prom-client',
  'pino',
  'node:net',
  'node:http',
  'node:fs',
  'node:process',
];

const ADAPTERS = ['**/grpc/*', '**/http/*', '**/ws/*', '**/nats/*', '../**/mediasoup/*'];

const TESTS = [
  '**/*.test.ts',
  '**/*.itest.ts',
  '**/*.fixture.ts',
  'tests/**/*.ts',
  'bench/**/*.ts',
  'libs/testing/**/*.ts',
  'vitest.config.ts',
];

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      '**/node_modules/**',
      'libs/proto-gen/src/**',
      'test-results/**',
      '.run/**',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx', '**/*.mjs'],
    plugins: { sluice: { rules: { 'no-import-circles': noImportCircles } } },
    rules: { 'sluice/no-import-circles': 'error' },
  },
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['vitest.config.ts'] } },
    },
    rules: {
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 5],
      complexity: ['error', 15],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: true },
      ],
      '@typescript-eslint/no-extraneous-class': 'off',
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'read the environment in main.ts only' },
      ],
    },
  },
  {
    files: ['services/*/src/domain/**/*.ts', 'libs/core/**/*.ts', 'libs/sdp/src/**/*.ts'],
    ignores: TESTS,
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^mediasoup$',
              message: 'import types from mediasoup/types; the engine is an adapter',
            },
            { group: TECHNOLOGY, message: 'domain code knows ports, not technologies' },
            { group: ADAPTERS, message: 'adapters depend on the domain, never the reverse' },
          ],
        },
      ],
      'no-restricted-globals': ['error', 'process', 'setTimeout', 'setInterval', 'setImmediate'],
    },
  },
  {
    // A library by itself: nothing of ours below it.
    files: ['libs/sdp/src/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [{ group: ['@sluice/*'] }] },
      ],
    },
  },
  {
    files: ['services/**/*.ts'],
    ignores: TESTS,
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'export by name' },
      ],
    },
  },
  {
    files: ['libs/core/src/clock.ts', 'libs/core/src/lifecycle.ts'],
    rules: { 'no-restricted-globals': 'off' },
  },
  {
    files: ['services/*/src/main.ts', 'deploy/local/src/main.ts', 'cli/src/main.ts', ...TESTS],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: TESTS,
    rules: {
      'max-lines-per-function': 'off',
      'max-lines': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
  {
    files: ['docs/examples/*.js'],
    languageOptions: {
      globals: {
        RTCPeerConnection: 'readonly',
        TextDecoder: 'readonly',
        TextEncoder: 'readonly',
        URLSearchParams: 'readonly',
        WebSocket: 'readonly',
        URL: 'readonly',
        fetch: 'readonly',
        crypto: 'readonly',
        setTimeout: 'readonly',
      },
    },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        fetch: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        AbortSignal: 'readonly',
        AbortController: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
      },
    },
  },
);
