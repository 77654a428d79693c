import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startCluster, type Cluster, type ClusterOptions } from '@sluice/local-cluster';

export const REPOSITORY_ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * A real cluster on free ports, in which each new session of a room goes to another node than the
 * last one. Its logs stay in test-results/logs.
 */
export function startClusterUnderTest(
  name: string,
  options: Partial<ClusterOptions> = {},
): Promise<Cluster> {
  const logFolder = join(REPOSITORY_ROOT, 'test-results', 'logs', name);
  rmSync(logFolder, { recursive: true, force: true });
  return startCluster({
    environment: process.env,
    placement: 'spread',
    logFolder,
    ...options,
  });
}

export interface Relay {
  readonly stream: string;
  readonly fromNode: string;
  readonly toNode: string;
}

export interface Stream {
  readonly room: string;
  readonly participant: string;
  readonly purpose: string;
  /** Grows with each publication of that name. */
  readonly epoch: number;
  readonly node: string;
  readonly tracks: readonly { readonly kind: 'audio' | 'video' }[];
}

export interface Node {
  readonly id: string;
  readonly region: string;
  readonly zone: string;
  readonly load: number;
  readonly sessions: number;
  readonly state: string;
}

/** The cluster's own word on what there is, as its management API gives it. */
export const reportOf = (api: string) => ({
  nodes: () => get<Node[]>(`${api}/nodes`),
  streams: async (room: string) =>
    (await get<Stream[]>(`${api}/streams`)).filter((stream) => stream.room === room),
  relays: async (room: string) =>
    (await get<Relay[]>(`${api}/relays`)).filter(({ stream }) => stream.startsWith(`${room}/`)),
});

async function get<T>(url: string): Promise<T> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}
