import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { ChannelCredentials } from '@grpc/grpc-js';
import { callUnary } from '@sluice/grpc-kit';
import { eventually, startNatsServer, type NatsServer } from '@sluice/testing';
import { StreamDirectoryClient } from '@sluice/proto-gen/stream_directory';
import { compose, type RunningMediaNode } from '../src/compose.js';
import { loadConfiguration } from '../src/config.js';
import type { NodeAt } from './session.fixture.js';

export const CLUSTER_SECRET = 'a secret that only these tests know of';

const NODE_MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const DIRECTORY_MAIN = fileURLToPath(
  new URL('../../stream-directory/dist/main.js', import.meta.url),
);

export interface TestCluster extends AsyncDisposable {
  readonly nats: NatsServer;
  readonly directory: StreamDirectoryClient;
  readonly directoryAddress: string;
  startNode(id: string, variables?: Record<string, string>): Promise<RunningMediaNode>;
  stopNode(node: RunningMediaNode): Promise<void>;
  /** A node as a process of its own, known to the directory. */
  startProcess(id: string, variables?: Record<string, string>): Promise<NodeProcess>;
}

/** A media node that can be frozen, or only its control process. */
export interface NodeProcess extends NodeAt {
  readonly child: ChildProcess;
  /** Sends a signal to the control process. */
  signal(signal: NodeJS.Signals): void;
  signalWorkers(signal: NodeJS.Signals): void;
  /** Both. */
  signalAll(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/** A real nats-server, a real directory process, and media nodes in this process. */
export async function startTestCluster(
  directoryVariables: Record<string, string> = {},
): Promise<TestCluster> {
  const nats = await startNatsServer();
  const child = spawn(process.execPath, [DIRECTORY_MAIN], {
    env: {
      PATH: process.env['PATH'],
      SLUICE_NATS_URL: nats.url,
      SLUICE_CLUSTER_SECRET: CLUSTER_SECRET,
      ...directoryVariables,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const directoryAddress = await grpcAddressOf(child);
  const directory = new StreamDirectoryClient(
    directoryAddress,
    ChannelCredentials.createInsecure(),
  );
  const nodes = new Set<RunningMediaNode>();
  const processes = new Set<NodeProcess>();
  const stopNode = async (node: RunningMediaNode) => {
    nodes.delete(node);
    await node.lifecycle.stop();
  };
  return {
    nats,
    directory,
    directoryAddress,
    async startNode(id, variables = {}) {
      const node = await compose(
        loadConfiguration({
          SLUICE_NODE_ID: id,
          SLUICE_NATS_URL: nats.url,
          SLUICE_CLUSTER_SECRET: CLUSTER_SECRET,
          SLUICE_DIRECTORY_ADDRESSES: directoryAddress,
          SLUICE_LOG_LEVEL: process.env['SLUICE_TEST_LOG_LEVEL'] ?? 'silent',
          ...variables,
        }),
      );
      nodes.add(node);
      return node;
    },
    stopNode,
    async startProcess(id, variables = {}) {
      const { PATH, MEDIASOUP_WORKER_BIN } = process.env;
      const nodeChild = spawn(process.execPath, [NODE_MAIN], {
        env: {
          PATH,
          ...(MEDIASOUP_WORKER_BIN === undefined ? {} : { MEDIASOUP_WORKER_BIN }),
          SLUICE_NODE_ID: id,
          SLUICE_NATS_URL: nats.url,
          SLUICE_CLUSTER_SECRET: CLUSTER_SECRET,
          SLUICE_DIRECTORY_ADDRESSES: directoryAddress,
          SLUICE_LOG_LEVEL: 'info',
          ...variables,
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const grpcAddress = await grpcAddressOf(nodeChild);
      const list = (await routersOf(directory, grpcAddress)).map((routerId) => ({ routerId }));
      const node = processOf(nodeChild, { grpcAddress, workers: { list } });
      processes.add(node);
      return node;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...nodes].map(stopNode));
      await Promise.all([...processes].map((node) => node.stop()));
      directory.close();
      await ended(child);
      await nats.stop();
    },
  };
}

function processOf(child: ChildProcess, at: NodeAt): NodeProcess {
  const pid = child.pid ?? 0;
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const signalWorkers = (signal: NodeJS.Signals) => {
    if (hasEnded()) return;
    const children = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8');
    for (const worker of children.split(' ').filter((text) => text !== '')) {
      process.kill(Number(worker), signal);
    }
  };
  const signalAll = (signal: NodeJS.Signals) => {
    signalWorkers(signal);
    child.kill(signal);
  };
  return {
    ...at,
    child,
    signal: (signal) => void child.kill(signal),
    signalWorkers,
    signalAll,
    async stop() {
      signalAll('SIGCONT');
      await ended(child);
    },
  };
}

/** The routers of the node at that address, once the directory has heard of them. */
async function routersOf(
  directory: StreamDirectoryClient,
  grpcAddress: string,
): Promise<readonly string[]> {
  const routerIds: string[] = [];
  await eventually(async () => {
    const { nodes } = await callUnary(directory, directory.listNodes.bind(directory), {}, 5_000);
    routerIds.push(...(nodes.find((node) => node.grpcAddress === grpcAddress)?.routerIds ?? []));
    return routerIds.length > 0 ? undefined : 'the directory does not know it';
  });
  return routerIds;
}

async function grpcAddressOf(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('the directory has no output');
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const { msg, grpc } = JSON.parse(line) as { msg?: string; grpc?: string };
    if (msg !== 'listening' || grpc === undefined) continue;
    child.stdout.resume();
    return grpc;
  }
  throw new Error('the directory did not start');
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
