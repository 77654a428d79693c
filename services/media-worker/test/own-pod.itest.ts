import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { writeDeletionCost, type OwnPod } from '../src/kubernetes/own-pod.js';

interface Heard {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly body: string;
}

let folder: string;
let server: Server;
let pod: OwnPod;
let heard: Heard[];
let status: number;

/** An API server of Kubernetes, as far as a patch of a pod goes: over TLS, by an authority of its own. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-account-'));
  const [key, certificate] = [join(folder, 'tls.key'), join(folder, 'ca.crt')];
  const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2';
  const names = ['-subj', '/CN=kubernetes', '-addext', 'subjectAltName=DNS:localhost'];
  const out = ['-keyout', key, '-out', certificate];
  execFileSync('openssl', [...request.split(' '), ...names, ...out], { stdio: 'ignore' });
  writeFileSync(join(folder, 'token'), 'a-token\n');
  const tls = { key: readFileSync(key), cert: readFileSync(certificate) };
  server = createServer(tls, (incoming, response) => {
    const { method, url, headers } = incoming;
    void text(incoming).then((body) => {
      const { authorization, 'content-type': contentType } = headers;
      heard.push({ method, url, authorization, contentType, body });
      response.writeHead(status).end('{}');
    });
  });
  server.listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const apiUrl = `https://localhost:${port}`;
  pod = { apiUrl, namespace: 'media', name: 'sluice-media-0', accountFolder: folder };
});
beforeEach(() => {
  heard = [];
  status = 200;
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

const failureOf = async (work: Promise<void>) =>
  SluiceError.from(
    await work.then(
      () => new Error('it worked'),
      (error: unknown) => error,
    ),
  ).code;

test('patches its own pod’s annotation and nothing else, by its account', async () => {
  await writeDeletionCost(pod, 12);
  expect(heard).toEqual([
    {
      method: 'PATCH',
      url: '/api/v1/namespaces/media/pods/sluice-media-0',
      authorization: 'Bearer a-token',
      contentType: 'application/merge-patch+json',
      body: '{"metadata":{"annotations":{"controller.kubernetes.io/pod-deletion-cost":"12"}}}',
    },
  ]);
});

test('takes the token that is there by now', async () => {
  writeFileSync(join(folder, 'token'), 'a-newer-token');
  await writeDeletionCost(pod, -1);
  expect(heard[0]?.authorization).toBe('Bearer a-newer-token');
});

test.each([
  [403, 'PERMISSION_DENIED'],
  [401, 'PERMISSION_DENIED'],
  [500, 'UNAVAILABLE'],
  [302, 'UNAVAILABLE'],
])('an answer of %i is %s', async (answered, code) => {
  status = answered;
  expect(await failureOf(writeDeletionCost(pod, 1))).toBe(code);
});

test('gives its token to nobody whom the cluster’s authority has not certified', async () => {
  const stranger = mkdtempSync(join(tmpdir(), 'sluice-stranger-'));
  try {
    const out = ['-keyout', join(stranger, 'key'), '-out', join(stranger, 'ca.crt')];
    const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2';
    execFileSync('openssl', [...request.split(' '), '-subj', '/CN=other', ...out], {
      stdio: 'ignore',
    });
    writeFileSync(join(stranger, 'token'), 'a-token');
    const misled = { ...pod, accountFolder: stranger };
    expect(await failureOf(writeDeletionCost(misled, 1))).toBe('UNAVAILABLE');
  } finally {
    rmSync(stranger, { recursive: true });
  }
  expect(heard).toEqual([]);
});

test('an API server that is away is unavailable', async () => {
  const away = { ...pod, apiUrl: 'https://127.0.0.1:9' };
  expect(await failureOf(writeDeletionCost(away, 1))).toBe('UNAVAILABLE');
});
