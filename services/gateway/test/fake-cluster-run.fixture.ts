import { Bus } from '@sluice/nats-kit';
import { startNatsServer, type NatsServer } from '@sluice/testing';
import { AccessTokens, type TokenRequest } from '@sluice/tokens';
import { FakeDirectory, FakeNode } from './fake-cluster.fixture.js';
import { TOKEN_SECRET, startGateway, type GatewayProcess } from './gateway-process.fixture.js';
import { TestClient } from './test-client.fixture.js';

export const tokens = new AccessTokens({ secret: TOKEN_SECRET });

/** A real nats-server, a fake directory, two fake nodes, and real gateways. */
export interface FakeCluster {
  readonly nats: NatsServer;
  readonly bus: Bus;
  readonly directory: FakeDirectory;
  readonly a: FakeNode;
  readonly b: FakeNode;
  /** The first gateway. */
  readonly gateway: GatewayProcess;
  addGateway(environment?: Readonly<Record<string, string>>): Promise<GatewayProcess>;
  /** A client of the first gateway, authenticated. */
  enter(subject: string, request?: Partial<TokenRequest>): Promise<TestClient>;
  nodeOf(nodeId: string): FakeNode;
  stop(): Promise<void>;
}

export async function startFakeCluster(
  environment: Readonly<Record<string, string>> = {},
): Promise<FakeCluster> {
  const nats = await startNatsServer();
  const bus = Bus.open({ url: nats.url, name: 'fake nodes' });
  await bus.connection();
  const directory = await FakeDirectory.start();
  const [a, b] = [await FakeNode.start('node-a', bus), await FakeNode.start('node-b', bus)];
  directory.nodes.push(a, b);
  const gateways: GatewayProcess[] = [];
  const addGateway = async (more: Readonly<Record<string, string>> = {}) => {
    const gateway = await startGateway({
      SLUICE_NATS_URL: nats.url,
      SLUICE_DIRECTORY_ADDRESSES: directory.address,
      ...environment,
      ...more,
    });
    gateways.push(gateway);
    return gateway;
  };
  const gateway = await addGateway();
  return {
    nats,
    bus,
    directory,
    a,
    b,
    gateway,
    addGateway,
    enter: async (subject, request = {}) =>
      TestClient.enter(gateway.ws, await tokens.issue({ subject, ...request })),
    nodeOf: (nodeId) => (nodeId === a.nodeId ? a : b),
    async stop() {
      await Promise.all(gateways.map((each) => each.stop()));
      await Promise.all([a.stop(), b.stop(), directory.stop()]);
      await bus.close();
      await nats.stop();
    },
  };
}
