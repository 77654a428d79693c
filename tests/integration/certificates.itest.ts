import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { once } from 'node:events';
import type { Cluster } from '@sluice/local-cluster';
import { TestAuthority, eventually, type IssuedCertificate } from '@sluice/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reportOf, startClusterUnderTest } from '../cluster-under-test.js';

const NAME = 'sluice-internal';

let folder: string;
let authority: TestAuthority;
let cluster: Cluster;
let first: IssuedCertificate;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-swapped-'));
  authority = new TestAuthority();
  first = authority.issue(`DNS:${NAME}`);
  write(first);
  const tls = {
    SLUICE_GRPC_TLS_CA_FILE: file('ca'),
    SLUICE_GRPC_TLS_CERT_FILE: file('certificate'),
    SLUICE_GRPC_TLS_KEY_FILE: file('key'),
    SLUICE_GRPC_TLS_SERVER_NAME: NAME,
  };
  const overrides = { directory: tls, node: tls, gateway: tls };
  cluster = await startClusterUnderTest('certificates', { overrides });
});
afterAll(async () => {
  await cluster.stop();
  rmSync(folder, { recursive: true });
  authority.remove();
});

const file = (name: string) => join(folder, name);

/** One after the other, as those do it who have no Kubernetes. */
function write({ ca, certificate, key }: IssuedCertificate): void {
  for (const [name, pem] of Object.entries({ ca, certificate, key })) {
    writeFileSync(file(`${name}.new`), pem);
    renameSync(file(`${name}.new`), file(name));
  }
}

/** The certificate's number that a service shows to whoever dials it. */
async function shownBy(grpcAddress: string, { ca, certificate, key }: IssuedCertificate) {
  const [host = '', port] = grpcAddress.split(':');
  const socket = connect({
    ...{ host, port: Number(port), ca, cert: certificate, key },
    checkServerIdentity: () => undefined,
    ALPNProtocols: ['h2'],
  });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

test('a renewed certificate is shown by running services, whose calls and peers notice nothing', async () => {
  const [directory, ...nodes] = cluster.services().filter(({ addresses }) => addresses['grpc']);
  const all = [directory!, ...nodes];
  const shown = () =>
    Promise.all(all.map(({ addresses }) => shownBy(addresses['grpc'] ?? '', first)));
  const before = await shown();
  expect(new Set(before).size).toBe(1);
  const pids = cluster.services().map(({ pid }) => pid);

  write(authority.issue(`DNS:${NAME}`));
  await eventually(async () => {
    const now = await shown();
    return now.some((serial) => serial === before[0]) ? 'an old certificate is shown' : undefined;
  });

  // Whoever starts now has the new certificate alone, and is believed by those who were there.
  await cluster.restart('node-2');
  await eventually(async () => {
    const serving = (await reportOf(cluster.api).nodes()).filter(
      ({ state }) => state === 'serving',
    );
    return serving.length === 2 ? undefined : `${serving.length} nodes serve`;
  });
  const running = cluster.services().filter(({ pid }) => pids.includes(pid));
  expect(running).toHaveLength(pids.length - 1);
  for (const { name } of running.filter((service) => service.name !== 'nats')) {
    expect(cluster.logOf(name)).toContain('certificates have changed');
  }
});
