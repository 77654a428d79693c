// Prints the bill of materials (CycloneDX) of this image's Debian packages.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const [, distribution = 'debian'] =
  /^VERSION_CODENAME=(.+)$/m.exec(readFileSync('/etc/os-release', 'utf8')) ?? [];
const format = '${Package}\\t${Version}\\t${Architecture}\\n';
const rows = execFileSync('dpkg-query', ['--show', `--showformat=${format}`], { encoding: 'utf8' });
const components = rows
  .trim()
  .split('\n')
  .map((row) => {
    const [name, version, architecture] = row.split('\t');
    const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}&distro=${distribution}`;

    return { type: 'library', 'bom-ref': purl, name, version, purl };
  });

console.log(JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.5', version: 1, components }));
