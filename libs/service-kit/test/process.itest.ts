import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { eventually } from '@sluice/testing';

const SERVICE = fileURLToPath(new URL('service.fixture.mjs', import.meta.url));

function start(kind: string) {
  const child = spawn(process.execPath, [SERVICE, kind], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (bytes: Buffer) => (output.stdout += bytes.toString('utf8')));
  child.stderr.on('data', (bytes: Buffer) => (output.stderr += bytes.toString('utf8')));
  const closed = once(child, 'close') as Promise<[number | null]>;
  return {
    child,
    output,
    messages: () =>
      output.stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => (JSON.parse(line) as { msg: string }).msg),
    says: (text: string) =>
      eventually(() => (output.stdout.includes(text) ? undefined : `no "${text}"`)),
    exitCode: async () => (await closed)[0],
  };
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s stops it in reverse order, with 0',
  async (signal) => {
    const service = start('good');
    await service.says('started');
    service.child.kill(signal);
    expect(await service.exitCode()).toBe(0);
    expect(service.messages()).toEqual([
      'started',
      'stopping',
      'prepared',
      'second stopped',
      'first stopped',
      'stopped',
    ]);
  },
);

test('a bad configuration ends it with 78 and without a stack', async () => {
  const service = start('misconfigured');
  expect(await service.exitCode()).toBe(78);
  expect(service.output.stderr).toBe(
    'ConfigurationError: invalid configuration:\n  NEEDED: is required\n',
  );
});

test('any other failure to start ends it with 1 and a stack', async () => {
  const service = start('broken');
  expect(await service.exitCode()).toBe(1);
  expect(service.output.stderr).toMatch(/cannot start like this\n +at /);
});

test.each([
  ['failing', 'failed'],
  ['slow', 'timeout'],
])(
  'a step that is %s does not keep the others from stopping, and shows in the exit code',
  async (kind, outcome) => {
    const service = start(kind);
    await service.says('started');
    service.child.kill('SIGTERM');
    expect(await service.exitCode()).toBe(1);
    expect(service.messages()).toContain('first stopped');
    expect(service.output.stdout).toContain(`"outcome":"${outcome}"`);
  },
);

test('a preparation that fails does not keep it from stopping', async () => {
  const service = start('unprepared');
  await service.says('started');
  service.child.kill('SIGTERM');
  expect(await service.exitCode()).toBe(0);
  expect(service.messages()).toContain('cannot prepare the stop');
  expect(service.messages()).toContain('first stopped');
});

test('a second signal ends one that takes too long, at once', async () => {
  const service = start('draining');
  await service.says('started');
  service.child.kill('SIGTERM');
  await service.says('prepared');
  service.child.kill('SIGINT');
  expect(await service.exitCode()).toBe(130);
});

test('a rejection that nobody handles is logged and ends nothing', async () => {
  const service = start('rejecting');
  await service.says('unhandled rejection');
  service.child.kill('SIGTERM');
  expect(await service.exitCode()).toBe(0);
});
