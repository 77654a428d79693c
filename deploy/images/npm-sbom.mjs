// Prints the bill of materials (CycloneDX) of the npm packages that are installed in this folder, by
// npm's own record of them. `npm sbom` leaves out some that several workspaces have.
import { readFileSync } from 'node:fs';

const { packages } = JSON.parse(readFileSync('node_modules/.package-lock.json', 'utf8'));
const components = Object.entries(packages)
  .filter(([, { link, version }]) => !link && version !== undefined)
  .filter(([path]) => path.includes('node_modules/'))
  .map(([path, { version, license, integrity }]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
    const content = integrity && Buffer.from(integrity.replace(/^sha512-/, ''), 'base64');

    return {
      type: 'library',
      'bom-ref': `${purl}#${path}`,
      name,
      version,
      purl,
      ...(license && { licenses: [{ expression: license }] }),
      ...(content && { hashes: [{ alg: 'SHA-512', content: content.toString('hex') }] }),
    };
  });

console.log(JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.5', version: 1, components }));
