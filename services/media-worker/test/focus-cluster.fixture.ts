import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { callUnary } from '@sluice/grpc-kit';
import type { RunningMediaNode } from '../src/compose.js';
import { startTestCluster, type TestCluster } from './cluster.fixture.js';
import { NodeCalls, type NodeAt } from './session.fixture.js';

const TOKEN = 'what.they.want';

/** A node of it, and how it is called. */
export interface FocusNode {
  readonly node: RunningMediaNode;
  readonly calls: NodeCalls;
}

/** A cluster that other clusters pull from: `POST /createSession` at a port of the loopback. */
export class FocusCluster implements AsyncDisposable {
  readonly nodes: FocusNode[] = [];
  /** Who asked at the door. */
  dialled = 0;
  /** Answers who comes by the door. */
  answer: (sdp: string) => Promise<string> = () => Promise.reject(new Error('nobody is in'));

  private constructor(
    readonly cluster: TestCluster,
    private readonly door: Server,
  ) {}

  static async open(): Promise<FocusCluster> {
    const cluster = await startTestCluster();
    const door = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        opened.dialled += 1;
        if (request.headers.authorization !== `Bearer ${TOKEN}`) {
          response.writeHead(401).end();
          return;
        }
        opened.answer(Buffer.concat(chunks).toString()).then(
          (answer) => response.end(answer),
          () => response.writeHead(503).end(),
        );
      });
    });
    const opened = new FocusCluster(cluster, door);
    await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
    return opened;
  }

  /** As clients name it. */
  get focus(): string {
    return `127.0.0.1:${String((this.door.address() as AddressInfo).port)}`;
  }

  /** As those name it who may pull from it. */
  get allowed(): string {
    return `http://:${TOKEN}@${this.focus}`;
  }

  async startNode(id: string, variables: Record<string, string> = {}): Promise<FocusNode> {
    const node = await this.cluster.startNode(id, variables);
    const started = { node, calls: new NodeCalls(node) };
    this.nodes.push(started);
    this.answer = createAt(started.calls, node);
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { calls } of this.nodes) calls.close();
    this.door.close();
    this.door.closeAllConnections();
    await this.cluster[Symbol.asyncDispose]();
  }
}

/** What a gateway does with an offer. */
export function createAt({ client }: NodeCalls, node: NodeAt): (sdp: string) => Promise<string> {
  const grants = {
    publish: true,
    subscribe: true,
    host: false,
    admin: false,
    create: false,
    ingest: false,
  };
  return async (sdp) => {
    const { sdp: answer } = await callUnary(
      client,
      client.openDataChannelClient.bind(client),
      {
        clientId: randomUUID(),
        routerId: node.workers.list[0]?.routerId ?? '',
        room: '*',
        participant: `anonymous-${randomUUID()}`,
        username: 'somebody',
        connectionId: randomUUID(),
        grants,
        validMs: 3_600_000,
        roomsNeedCreator: false,
        sdp,
      },
      10_000,
    );
    return answer;
  };
}
