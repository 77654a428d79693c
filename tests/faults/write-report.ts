import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FaultRecords } from './records.js';
import { faultsPage } from './report.js';

const REPOSITORY_ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const records = new FaultRecords(join(REPOSITORY_ROOT, 'test-results', 'faults')).read();
const page = faultsPage(records, {
  date: new Date().toISOString().slice(0, 10),
  cpu: cpus()[0]?.model ?? 'unknown CPU',
  cores: availableParallelism(),
  system: `${systemName()}, Linux ${release().split('-')[0]}`,
});
writeFileSync(join(REPOSITORY_ROOT, 'docs', 'faults.md'), page);

function systemName(): string {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux';
  } catch {
    // Not every system has that file.
    return process.platform;
  }
}
