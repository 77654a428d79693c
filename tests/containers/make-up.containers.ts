import { execFile } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, freePort } from '@sluice/testing';
import { getContainerRuntimeClient } from 'testcontainers';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { REPOSITORY_ROOT } from '../cluster-under-test.js';
import { isRunning } from '../processes.js';

const SERVING_MS = 60_000;
const PROJECT_LABEL = 'com.docker.compose.project';
const PREFIX = 'sluice-test-up-';
const project = `${PREFIX}${process.pid}`;
const run = promisify(execFile);
let variables: Readonly<Record<string, string>>;
let command: readonly string[] = [];
let lacking = '';

beforeAll(async () => {
  try {
    command = (await script('setup/docker-compose.mjs', {})).trim().split(' ');
  } catch (error) {
    lacking = (error as { stderr?: string }).stderr?.trim() ?? String(error);
    return;
  }
  await removeLeftBehind();
  variables = {
    COMPOSE_PROJECT_NAME: project,
    SLUICE_IMAGE_VERSION: process.env['SLUICE_IMAGE_VERSION'] ?? 'test',
    SLUICE_CLUSTER_SECRET: randomBytes(36).toString('base64url'),
    SLUICE_TOKEN_SECRET: randomBytes(36).toString('base64url'),
    SLUICE_SUBNET: `10.214.${randomInt(1, 255)}`,
    SLUICE_PORT: String(await freePort()),
    SLUICE_MEDIA_PORT_1: String(await freePort()),
    SLUICE_MEDIA_PORT_2: String(await freePort()),
    SLUICE_MEDIA_PORT_3: String(await freePort()),
  };
});
beforeEach((context) => {
  if (lacking !== '') context.skip(lacking);
});
afterAll(async () => {
  if (lacking === '') await script('compose/down.mjs', variables);
});

/** One of deploy/, as make starts it. */
async function script(path: string, env: Readonly<Record<string, string>>): Promise<string> {
  const file = join(REPOSITORY_ROOT, 'deploy', path);
  return (await run(process.execPath, [file], { env: { ...process.env, ...env } })).stdout;
}

test('Docker Compose takes compose.yaml with each profile', async () => {
  for (const profiles of ['', 'tls', 'monitoring', 'tls,monitoring']) {
    const [program = '', ...args] = command;
    const env = { ...process.env, ...variables, COMPOSE_PROFILES: profiles };
    const { stdout } = await run(
      program,
      [...args, '-f', 'deploy/compose.yaml', 'config', '--services'],
      {
        env,
        cwd: REPOSITORY_ROOT,
      },
    );
    const services = stdout.trim().split('\n');
    expect({ profiles, tls: services.includes('tls-proxy') }).toEqual({
      profiles,
      tls: profiles.startsWith('tls'),
    });
    expect(services.includes('grafana')).toBe(profiles.endsWith('monitoring'));
  }
});

test('`make up` starts a cluster that does what it prints; `make down` leaves nothing', async () => {
  const printed = await script('compose/up.mjs', variables);
  const link = /http:\/\/\S+\/#\S+/.exec(printed)?.[0] ?? '';
  expect((await fetch(link)).status).toBe(200);
  const [, api = '', token = ''] = /SLUICE_API=(\S+) SLUICE_TOKEN=(\S+)/.exec(printed) ?? [];
  const cli = join(REPOSITORY_ROOT, 'cli', 'bin', 'sluice.mjs');
  const env = { ...process.env, SLUICE_API: api, SLUICE_TOKEN: token };
  await eventually(async () => {
    const { stdout } = await run(process.execPath, [cli, 'nodes'], { env });
    return (stdout.match(/^media-[123] .*serving/gm) ?? []).length === 3 ? undefined : stdout;
  }, SERVING_MS);

  expect(await countOf(project)).not.toEqual({ containers: 0, networks: 0, volumes: 0 });
  await script('compose/down.mjs', variables);
  expect(await countOf(project)).toEqual({ containers: 0, networks: 0, volumes: 0 });
});

/** What Docker Compose has made for that project. */
async function countOf(name: string) {
  const engine = (await getContainerRuntimeClient()).container.dockerode;
  const filters = { label: [`${PROJECT_LABEL}=${name}`] };
  const [containers, networks, { Volumes }] = await Promise.all([
    engine.listContainers({ all: true, filters }),
    engine.listNetworks({ filters }),
    engine.listVolumes({ filters }),
  ]);
  return { containers: containers.length, networks: networks.length, volumes: Volumes.length };
}

/** Of runs whose process has ended without removing it. */
async function removeLeftBehind(): Promise<void> {
  const engine = (await getContainerRuntimeClient()).container.dockerode;
  const filters = { label: [PROJECT_LABEL] };
  const networks = await engine.listNetworks({ filters });
  for (const { Labels } of networks) {
    const name = Labels?.[PROJECT_LABEL] ?? '';
    if (name.startsWith(PREFIX) && !isRunning(Number(name.slice(PREFIX.length))))
      await script('compose/down.mjs', { COMPOSE_PROJECT_NAME: name });
  }
}
