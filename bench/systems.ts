import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startCluster, type Cluster, type ClusterOptions } from '@sluice/local-cluster';
import { withDescendants } from './machine/cpu.js';

/** Something that forwards media: the cluster, or the plain program that it is compared with. */
export interface System {
  readonly name: 'sluice' | 'plain';
  readonly url: string;
  /** mediasoup's worker processes. */
  readonly workerPids: readonly number[];
  /** The processes that control these. */
  readonly controlPids: readonly number[];
  /** All that belongs to it. */
  readonly pids: readonly number[];
  /** The same by what it does; descendants belong to nobody but themselves. */
  readonly parts: Readonly<Record<string, readonly number[]>>;
  /** @param near whether the bearer's home should be the publisher's, where that can be asked for */
  token(subject: string, near: boolean): Promise<string>;
  /** How many relays there are now; a plain program keeps no such list. */
  relays(): Promise<number>;
  stop(): Promise<void>;
}

const PLAIN = fileURLToPath(new URL('./plain/main.js', import.meta.url));

/** Two media nodes of one worker each, in which sessions of a room alternate between the nodes. */
export async function startSluice(): Promise<System> {
  const { system } = await startTwoNodes({
    placement: 'spread',
    // So that each join across nodes finds the relay of the one before gone.
    overrides: { node: { SLUICE_RELAY_LINGER_MS: '100' } },
  });
  return system;
}

/** Two media nodes of one worker each, and their cluster. */
export async function startTwoNodes(
  options: Pick<ClusterOptions, 'placement' | 'overrides'> = {},
): Promise<{ readonly cluster: Cluster; readonly system: System }> {
  const cluster = await startCluster({ environment: process.env, nodes: 2, ...options });
  return { cluster, system: systemOf(cluster) };
}

function systemOf(cluster: Cluster): System {
  const pidsOf = (kind?: Parameters<Cluster['services']>[0]) =>
    cluster.services(kind).map(({ pid }) => pid);
  const controlPids = pidsOf('node');
  const workerPids = childrenOf(controlPids);
  return {
    name: 'sluice',
    url: cluster.ws,
    workerPids,
    controlPids,
    pids: pidsOf(),
    parts: {
      gateway: pidsOf('gateway'),
      directory: pidsOf('directory'),
      'media nodes': controlPids,
      NATS: pidsOf('nats'),
      'mediasoup workers': workerPids,
    },
    token: (subject) => cluster.token({ subject }),
    relays: async () => {
      const response = await fetch(`${cluster.api}/relays`);
      return ((await response.json()) as unknown[]).length;
    },
    stop: () => cluster.stop(),
  };
}

export async function startPlain(): Promise<System> {
  const child = spawn(process.execPath, [PLAIN], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { url, workerPids } = JSON.parse(line) as { url: string; workerPids: number[] };
  const pid = child.pid ?? 0;
  return {
    name: 'plain',
    url,
    workerPids,
    controlPids: [pid],
    pids: [pid],
    parts: { 'plain program': [pid], 'mediasoup workers': workerPids },
    token: (subject, near) => Promise.resolve(`${subject}@${near ? 0 : 1}`),
    relays: () => Promise.resolve(0),
    stop: async () => {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

function childrenOf(pids: readonly number[]): readonly number[] {
  return withDescendants(pids).filter((pid) => !pids.includes(pid));
}
