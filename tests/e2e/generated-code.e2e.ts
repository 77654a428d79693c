import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { REPOSITORY_ROOT } from '../cluster-under-test.js';

const COMMITTED = join(REPOSITORY_ROOT, 'libs', 'proto-gen', 'src');

test('the committed gRPC code is what the .proto files generate now', () => {
  const generated = mkdtempSync(join(tmpdir(), 'sluice-generated-'));
  try {
    const proto = join(REPOSITORY_ROOT, 'proto');
    const template = readFileSync(join(proto, 'buf.gen.yaml'), 'utf8');
    const elsewhere = template.replace('../libs/proto-gen/src', generated);
    expect(elsewhere).toContain(generated);
    const path = `${join(REPOSITORY_ROOT, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`;
    execFileSync('buf', ['generate', '--template', elsewhere], {
      cwd: proto,
      env: { ...process.env, PATH: path },
    });
    expect(filesIn(COMMITTED)).toEqual(filesIn(generated));
  } finally {
    rmSync(generated, { recursive: true, force: true });
  }
});

function filesIn(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return Object.fromEntries(
    names
      .filter((name) => name.endsWith('.ts'))
      .sort()
      .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  );
}
