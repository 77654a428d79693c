import { randomUUID } from 'node:crypto';
import { Lifecycle, SluiceError, hasCode, systemClock } from '@sluice/core';
import { CLIENT_OPTIONS, ClientPool, channelCredentials } from '@sluice/grpc-kit';
import { Bus } from '@sluice/nats-kit';
import { MediaNodeClient } from '@sluice/proto-gen/media_node';
import { StreamDirectoryClient } from '@sluice/proto-gen/stream_directory';
import {
  createLogger,
  startAdminServer,
  stopHttpServer,
  timed,
  watchCertificates,
  watchGrpcTls,
  type CertificateWatch,
  type Logger,
  type RunningService,
} from '@sluice/service-kit';
import { AccessTokens, ingestUrls, resourceNames, resumeTokens } from '@sluice/tokens';
import type { Config } from './config.js';
import { Access } from './domain/access/access.js';
import type { ConnectionPorts } from './domain/rooms-dialect/connection.js';
import { Ingests } from './domain/ingests.js';
import type { MediaNode, MediaNodes, Observer } from './domain/ports.js';
import type { SessionPorts } from './domain/sessions/open-session.js';
import { Host } from './domain/rooms/host.js';
import { ResourceSessions } from './domain/sessions/resource-sessions.js';
import { Rooms } from './domain/rooms/room.js';
import { Cameras } from './domain/umbrella/cameras.js';
import { UmbrellaLinks } from './domain/umbrella/links.js';
import type { UmbrellaPorts } from './domain/umbrella/link.js';
import { TrackNames } from './domain/umbrella/track-names.js';
import { Trunks } from './domain/umbrella/trunks.js';
import { GrpcDirectory } from './grpc/grpc-directory.js';
import { GrpcMediaNodes } from './grpc/grpc-media-nodes.js';
import { keepNodesConnected } from './grpc/node-connections.js';
import { iceServerLinks } from './http/ice-server-links.js';
import { httpApp } from './http/app.js';
import { clientAddress } from './http/client-address.js';
import { createClientServer, listen } from './http/client-server.js';
import { closeCodeLabel, createMetrics, measureCalls, type Metrics } from './metrics.js';
import { NatsRoomNews } from './nats/nats-room-news.js';
import { NatsLinkStatuses } from './nats/nats-link-statuses.js';
import { NatsServerList } from './nats/nats-server-list.js';
import { PION_PATH, doorsOf } from './ws/doors.js';
import { trunkDialer } from './ws/trunk-dialer.js';
import { WebSocketEntrance, type Door } from './ws/websocket-entrance.js';

/** Builds the gateway and starts it. */
export async function compose(config: Config): Promise<RunningService> {
  const log = createLogger('gateway', config.logLevel, { gatewayId: config.gatewayId });
  const lifecycle = new Lifecycle();
  const metrics = createMetrics();
  const observer = observe(metrics, log);
  const clock = systemClock;
  let stopping = false;

  const { bus, directoryClient, nodeClients } = connect(config, lifecycle, log, metrics);
  const directory = timedDirectory(new GrpcDirectory(directoryClient, config.location), metrics);
  const nodes = timedNodes(new GrpcMediaNodes(nodeClients, config.gatewayId), metrics);
  const news = new NatsRoomNews(bus, observer);
  const rooms = new Rooms({ news, directory, clock, observer });
  const tokens = timed(new AccessTokens(config.tokens), measureCalls(metrics, 'tokens'));
  const ports: Omit<ConnectionPorts, 'inRequest'> = {
    tokens,
    resumeTokens: resumeTokens(config.clusterSecret),
    directory,
    nodes,
    news,
    rooms,
    clock,
    observer,
    nowS: () => Date.now() / 1_000,
    newId: randomUUID,
    roomsNeedCreator: config.roomsNeedCreator,
    iceServers: config.iceServers,
  };
  const access = accessOf(config, tokens, metrics);
  const ingests = new Ingests(directory, ingestUrls(config.clusterSecret));
  const umbrella = umbrellaOf(config, ports, bus, lifecycle, { access, ingests });
  const doors = doorsOf({ ...ports, access }, umbrella);
  const entrance = webSockets(config, doors, metrics);
  metrics.observe({
    connections: () => entrance.connections,
    rooms: () => rooms.size,
    natsConnected: () => bus.connected,
  });

  const probes = { live: () => true, notReadyBecause: () => (stopping ? ['stopping'] : []) };
  const admin = await startAdminServer(config.adminListen, metrics.registry, probes);
  lifecycle.started('admin server', 1_000, () => admin.stop());

  const { anonymousRead, allowedOrigins, proxies, consoleFolder } = config;
  const policy = { anonymousRead, allowedOrigins, proxies, consoleFolder };
  const offered = { ...policy, ...umbrella, access, ingests, ...overHttp(config, ports) };
  const app = httpApp({ ...ports, ...offered });
  const { clientTls } = config;
  const tls = clientTls && watchCertificates(clientTls, 'clients', { lifecycle, log, metrics });
  const server = createClientServer(tls, (request, response) => void app(request, response));
  server.on('upgrade', (request, socket, head) => entrance.upgrade(request, socket, head));
  const http = await listen(server, config.listen);
  lifecycle.started('HTTP server', 2_000, () => stopHttpServer(server));
  const pion = await listenForPion(config, tls, lifecycle, doors, entrance);
  lifecycle.started('WebSockets', 5_000, () => entrance.stop());

  log.info({ http, ...pion, admin: admin.url }, 'listening');
  const beforeStop = () => {
    stopping = true;
    return Promise.resolve();
  };
  return { lifecycle, log, beforeStop };
}

/** What WHIP and WHEP need. */
function overHttp(config: Config, ports: SessionPorts & { readonly nowS: () => number }) {
  const names = resourceNames(config.clusterSecret);
  return {
    sessions: new ResourceSessions({ ...ports, resourceNames: names }),
    host: new Host(ports),
    iceServerLinks: iceServerLinks(config.iceServers),
  };
}

function webSockets(
  config: Config,
  doors: ReadonlyMap<string, Door>,
  metrics: Metrics,
): WebSocketEntrance {
  return new WebSocketEntrance({
    allowedOrigins: config.allowedOrigins,
    connectionsMax: config.connectionsMax,
    clientAddress: (request) => clientAddress(request, config.proxies),
    clock: systemClock,
    onRefused: (reason) => metrics.refusedUpgrades.inc({ reason }),
    onClosed: (code) => metrics.closed.inc({ code: closeCodeLabel(code) }),
    doors,
  });
}

/** A port of its own for clients of Pion_SFU, which connect to whatever path they like. */
async function listenForPion(
  { pionListen }: Config,
  tls: CertificateWatch | undefined,
  lifecycle: Lifecycle,
  doors: ReadonlyMap<string, Door>,
  entrance: WebSocketEntrance,
): Promise<{ readonly pion?: string }> {
  const door = doors.get(PION_PATH);
  if (pionListen === undefined || !door) return {};
  const server = createClientServer(tls, (_request, response) => {
    response.writeHead(426, { Upgrade: 'websocket', Connection: 'Upgrade' }).end();
  });
  server.on('upgrade', (request, socket, head) => entrance.upgrade(request, socket, head, door));
  const pion = await listen(server, pionListen);
  lifecycle.started('HTTP server of Pion_SFU', 2_000, () => stopHttpServer(server));
  return { pion };
}

/** What Umbrella needs, and its trunks. */
function umbrellaOf(
  config: Config,
  common: Omit<UmbrellaPorts, 'names' | 'inRequest'>,
  bus: Bus,
  lifecycle: Lifecycle,
  parts: { readonly access: Access; readonly ingests: Ingests },
) {
  const { clock, observer, directory } = common;
  const { umbrellaRoom: room, gatewayId } = config;
  const { access, ingests } = parts;
  const links = new UmbrellaLinks();
  const names = new TrackNames(config.clusterSecret);
  const ports = { ...common, names };
  const servers = new NatsServerList(bus, observer);
  lifecycle.started('list of servers', 1_000, () => servers.close());
  const dial = trunkDialer({ ports, links, room, allowedNetworks: config.umbrellaNetworks });
  const shared = { list: servers, leases: servers, gatewayId, clock, observer };
  const trunks = access.isOn('umbrella')
    ? new Trunks({ ...shared, dial, random: Math.random })
    : undefined;
  lifecycle.started('trunks', 1_000, () => trunks?.stop());
  const dialled = () => trunks?.statuses ?? [];
  const statuses = new NatsLinkStatuses({ bus, links, trunks: dialled, gatewayId, clock });
  lifecycle.started('statuses of links', 1_000, () => statuses.close());
  const nameOf = (url: string) => names.cameraName(url);
  const cameras = new Cameras({ directory, ingests, nameOf, room });
  return { links, ports, servers, statuses, cameras, room };
}

/** The clients of everything that this gateway needs. */
function connect(config: Config, lifecycle: Lifecycle, log: Logger, metrics: Metrics) {
  const bus = Bus.open({
    ...config.nats,
    name: `gateway ${config.gatewayId}`,
    onTrouble: (error) => log.warn({ err: error }, 'NATS trouble'),
  });
  lifecycle.started('NATS', 2_000, () => bus.close());

  const credentials = channelCredentials(watchGrpcTls(config.tls, { lifecycle, log, metrics }));
  const target = config.directoryTarget;
  const directoryClient = new StreamDirectoryClient(target, credentials, CLIENT_OPTIONS);
  lifecycle.started('directory client', 1_000, () => directoryClient.close());
  const nodeClients = new ClientPool(MediaNodeClient, credentials);
  lifecycle.started('media node clients', 1_000, () => nodeClients.close());
  const connecting = keepNodesConnected(directoryClient, nodeClients, systemClock);
  lifecycle.started('media node connections', 1_000, () => connecting.cancel());
  return { bus, directoryClient, nodeClients };
}

function accessOf(config: Config, tokens: AccessTokens, metrics: Metrics): Access {
  const { dialects, anonymousDialects } = config;
  const onIdentified = metrics.countEntry;
  return new Access({ tokens, dialects, anonymousDialects, newId: randomUUID, onIdentified });
}

function timedDirectory(directory: GrpcDirectory, metrics: Metrics): GrpcDirectory {
  return timed(directory, measureCalls(metrics, 'directory'));
}

function timedNodes(nodes: MediaNodes, metrics: Metrics): MediaNodes {
  const observe = measureCalls(metrics, 'node');
  const known = new Map<string, MediaNode>();
  return {
    at: (grpcAddress) => {
      const node = known.get(grpcAddress) ?? timed(nodes.at(grpcAddress), observe);
      known.set(grpcAddress, node);
      return node;
    },
  };
}

function observe(metrics: Metrics, log: Logger): Observer {
  return {
    requestHandled: (type, outcome, durationMs) => {
      metrics.requests.inc({ type, outcome });
      metrics.requestSeconds.observe({ type }, durationMs / 1_000);
      if (outcome !== 'OK') log.debug({ type, code: outcome, durationMs }, 'request refused');
    },
    trouble: (error, doing) => {
      const { code } = SluiceError.from(error);
      metrics.troubles.inc({ code });
      const fields = { err: error, code, doing };
      if (hasCode(error, 'UNAVAILABLE', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'CAPACITY_EXHAUSTED')) {
        log.warn(fields, 'trouble');
      } else log.error(fields, 'failure');
    },
  };
}
