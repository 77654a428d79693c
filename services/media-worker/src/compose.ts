import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Lifecycle, systemClock } from '@sluice/core';
import {
  CLIENT_OPTIONS,
  channelCredentials,
  serverCredentials,
  startGrpcServer,
  type MutualTls,
  type ReportError,
} from '@sluice/grpc-kit';
import { Bus, SUBJECTS } from '@sluice/nats-kit';
import type { IngestDefinition } from '@sluice/proto-gen/common';
import { NodeLost, RelayReplan, StreamDoubted } from '@sluice/proto-gen/facts';
import { MediaNodeService } from '@sluice/proto-gen/media_node';
import { StreamDirectoryClient } from '@sluice/proto-gen/stream_directory';
import {
  createLogger,
  startAdminServer,
  timed,
  watchGrpcTls,
  type Logger,
  type RunningService,
} from '@sluice/service-kit';
import { SdpError } from '@sluice/sdp';
import { ingestUrls, relayTickets } from '@sluice/tokens';
import type { Configuration } from './config.js';
import type { DataChannelClients } from './domain/sfu-to-sfu/data-channel-clients.js';
import { findAddress } from './addresses/find-address.js';
import { Epochs } from './domain/streams/epochs.js';
import type { Ingests } from './domain/ingests/ingests.js';
import { LoadMeter } from './domain/node/load-meter.js';
import { MediaNode } from './domain/node/media-node.js';
import type { Directory, NodeIdentity, PullHandOver } from './domain/ports.js';
import { NumberedCopies } from './domain/streams/numbered-copies.js';
import { PipeMeter } from './domain/pipes/pipe-meter.js';
import { Relays } from './domain/relays/relays.js';
import { Reregistration } from './domain/relays/reregistration.js';
import { RetiredConnections } from './domain/sessions/retired-connections.js';
import { SESSION_LIMITS, SESSION_TIMINGS } from './domain/sessions/session-bounds.js';
import type { SessionEnvironment } from './domain/sessions/session-environment.js';
import { Speakers } from './domain/sessions/speakers.js';
import { StreamClaims, type NameHolders } from './domain/streams/stream-claims.js';
import { StreamCopies } from './domain/streams/stream-copies.js';
import { IceFronts } from './ice/ice-fronts.js';
import type { OpenIceFront } from './domain/sessions/ice-front.js';
import { grpcDirectory } from './grpc/directory.js';
import { mediaNodeService } from './grpc/media-node-service.js';
import { relayPeerService } from './grpc/relay-peer-service.js';
import { RelayPeers } from './grpc/relay-peers.js';
import { keepDeletionCost } from './kubernetes/keep-deletion-cost.js';
import { openHomeRouters, type Workers } from './mediasoup/workers.js';
import { Metrics } from './metrics.js';
import { Facts } from './nats/facts.js';
import { Heartbeat } from './nats/heartbeat.js';
import { openDataChannelClients } from './open-data-channel-clients.js';
import { openIngests } from './open-ingests.js';
import { fenced, reportTo } from './reports.js';

/** How long another node may take to let a name go. */
const YIELD_DEADLINE_MS = 2_000;
/**
 * After a burst of loss the estimate would fall to nothing, and no picture be sent for ten seconds:
 * this much is for the smallest layer of one.
 */
const MIN_OUTGOING_BPS = 200_000;
/** Where bandwidth estimation towards a client starts: enough for a small picture at once. */
const INITIAL_OUTGOING_BPS = 1_000_000;
const ICE_CONSENT_TIMEOUT_S = 20;
/** At the stop, for giving names back; whom it does not reach finds the node gone. */
const RELEASE_WAIT_MS = 1_000;

export interface RunningMediaNode extends RunningService {
  readonly grpcAddress: string;
  readonly adminUrl: string;
  readonly node: MediaNode;
  readonly workers: Workers;
}

/** Builds a media node, starts it and says so in one line. */
export async function compose(config: Configuration): Promise<RunningMediaNode> {
  const log = createLogger('media-worker', config.log.level, { node: config.node.id });
  const lifecycle = new Lifecycle();
  const metrics = new Metrics();
  const address = { bound: '' };
  const identity: NodeIdentity = {
    nodeId: config.node.id,
    bootId: randomUUID(),
    get grpcAddress() {
      return config.grpc.advertise ?? address.bound;
    },
  };
  const bus = openBus(config, log);
  lifecycle.started('nats', 2_000, () => bus.close());
  const workers = await openWorkers(config, log, metrics);
  lifecycle.started('workers', 2_000, () => workers.close('stopping'));

  const tls = watchGrpcTls(config.grpc.tls, { lifecycle, log, metrics });
  const parts = assemble({ config, tls, log, metrics, identity, bus, workers, lifecycle });
  const { node, relays } = parts;
  const report = reportTo(log, metrics);
  const grpc = await startGrpcServer(config.grpc.listen, serverCredentials(tls), [
    [MediaNodeService, serviceOf({ config, identity, metrics, report, ...parts })],
    relayPeerService(relays.service, node, parts.takeOverPull, report),
  ]);
  lifecycle.started('grpc', 3_000, () => grpc.stop(1_000));
  // Before the server, whose calls would otherwise have to be broken.
  lifecycle.started('relays', 2_000, () => relays.close());
  address.bound = grpc.address;

  startTelling({ config, tls, log, metrics, identity, bus, lifecycle, workers, ...parts });
  const admin = await startAdminServer(config.admin.listen, metrics.registry, {
    live: () => true,
    notReadyBecause: () => workers.notReadyBecause(),
  });
  lifecycle.started('admin', 2_000, () => admin.stop());
  lifecycle.started('sessions', 3_000, () => {
    parts.clients.close('stopping');
    node.close('stopping');
    return Promise.race([parts.claims.allReleased(), after(RELEASE_WAIT_MS)]);
  });
  readMetrics(metrics, { bus, workers, ...parts });
  grpc.setServing(true);
  log.info({ grpc: grpc.address, admin: admin.url }, 'listening');
  return {
    lifecycle,
    log,
    beforeStop: () => node.drain(config.sessions.drainMs),
    grpcAddress: grpc.address,
    adminUrl: admin.url,
    node,
    workers,
  };
}

function tellKubernetes({ config, node, log, metrics, lifecycle }: Parts & Foundation): void {
  if (!config.pod) return;
  const count = (outcome: string) => metrics.podCostWrites.inc({ outcome });
  const cost = keepDeletionCost(config.pod, node, { log, count });
  lifecycle.started('pod-deletion-cost', 500, () => cost.stop());
}

function serviceOf(
  parts: Pick<Foundation, 'config' | 'identity' | 'metrics'> &
    Parts & { readonly report: ReportError },
) {
  const { config, metrics, relays, facts, ...others } = parts;
  return mediaNodeService({
    ...others,
    revision: () => facts.revision,
    relays: () => relays.relays(),
    urls: ingestUrls(config.clusterSecret),
    measure: (method) => metrics.methodSeconds.startTimer({ method }),
  });
}

const after = (delayMs: number) =>
  new Promise<void>((resolve) => void systemClock.after(delayMs, resolve));

function openBus(config: Configuration, log: Logger): Bus {
  const { id } = config.node;
  let known = true;
  const bus = Bus.open({
    ...config.nats,
    name: `media-worker ${id}`,
    onTrouble: (error) => {
      // One line for each time that it goes away, however often it is tried again.
      if (known && !bus.connected) log.warn({ err: error }, 'NATS is away');
      else log.debug({ err: error }, 'NATS trouble');
      known = bus.connected;
    },
  });
  bus.onConnected(() => {
    known = true;
    log.info('NATS connected');
  });
  return bus;
}

async function openWorkers(config: Configuration, log: Logger, metrics: Metrics): Promise<Workers> {
  const { workers: wanted, ip, announced, basePort } = config.media;
  const announcedAddress = await findAddress(announced, log);
  const workers = await openHomeRouters({
    cores: wanted === 0 ? availableParallelism() : wanted,
    listen: { ip, announcedAddress, basePort },
    clock: systemClock,
    log,
  });
  workers.on('died', () => metrics.workerDeaths.inc());
  return workers;
}

interface Foundation {
  readonly config: Configuration;
  readonly tls: MutualTls | undefined;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly identity: NodeIdentity;
  readonly bus: Bus;
  readonly workers: Workers;
  readonly lifecycle: Lifecycle;
}

interface Parts {
  readonly node: MediaNode;
  readonly clients: DataChannelClients;
  readonly takeOverPull: (pull: PullHandOver) => Promise<void>;
  readonly relays: Relays;
  readonly claims: StreamClaims;
  readonly reregistration: Reregistration;
  readonly epochs: Epochs;
  readonly facts: Facts;
  readonly meter: LoadMeter;
  readonly ingests: Ingests<IngestDefinition>;
  readonly pipeMeter: PipeMeter;
}

/** Everything between the workers and the network. */
function assemble(foundation: Foundation): Parts {
  const { config, tls, log, metrics, identity, bus, workers, lifecycle } = foundation;
  const clock = systemClock;
  const credentials = channelCredentials(tls);
  const client = new StreamDirectoryClient(config.directoryTarget, credentials, CLIENT_OPTIONS);
  lifecycle.started('directory client', 1_000, () => client.close());
  const peers = new RelayPeers(credentials);
  lifecycle.started('peers', 1_000, () => peers.close());

  const epochs = new Epochs();
  const directory = timed(
    grpcDirectory(client, identity, epochs, config.node),
    metrics.onDirectoryCall,
  );
  const facts = new Facts(bus, identity);
  const copies = new StreamCopies();
  const reregistration: Reregistration = new Reregistration(clock, () => claims.reregister());
  const doubtful = () => reregistration.doubtful;
  const relays = openRelays(foundation, { copies, directory, facts, peers, doubtful });
  const holders: NameHolders = {
    yield: (holder, wish) =>
      holder.nodeId === identity.nodeId && holder.bootId === identity.bootId
        ? node.yieldStream(wish)
        : peers.yieldStream(holder.grpcAddress, wish, YIELD_DEADLINE_MS),
  };
  const onFenced = fenced(log, metrics);
  const claims = new StreamClaims({ directory, holders, epochs, clock, onFenced });
  const reportError = (error: unknown) => {
    // What a client asks too much of its own PeerConnection is no trouble of ours.
    log[error instanceof SdpError ? 'debug' : 'warn']({ err: error }, 'session trouble');
  };
  const environment = {
    clock,
    facts,
    claims,
    copies,
    source: relays,
    numbered: numberedCopies(foundation, relays, reportError),
    speakers: new Speakers(facts, reportError),
    retired: new RetiredConnections(clock, SESSION_TIMINGS.handOverMs),
    timings: { ...SESSION_TIMINGS, graceMs: config.sessions.graceMs },
    limits: SESSION_LIMITS,
    connections: connectionBounds(foundation),
    openIceFront: iceFronts(foundation),
    report: reportError,
  };
  const node: MediaNode = new MediaNode({
    identity,
    routers: workers,
    environment,
    sessionsMax: config.sessions.max,
    onDrained: (outcome) => metrics.drainedSessions.inc({ outcome }),
    onSessionEnded: (reason) => metrics.countSessionEnd(reason),
  });
  const serving = { node, environment, directory, peers };
  const { clients, takeOverPull } = openDataChannelClients(foundation, serving);
  const ingests = openIngests(config.ingests, { node, copies, facts, log });
  const meter = openMeter(foundation, node, relays);
  const parts = { node, clients, takeOverPull, relays, claims, reregistration, epochs, facts };
  return { ...parts, meter, ingests, pipeMeter: openPipeMeter(foundation, relays) };
}

function connectionBounds({ config, metrics }: Foundation): SessionEnvironment['connections'] {
  return {
    iceConsentTimeoutSeconds: ICE_CONSENT_TIMEOUT_S,
    initialOutgoingBps: INITIAL_OUTGOING_BPS,
    minOutgoingBps: MIN_OUTGOING_BPS,
    maxIncomingBps: config.media.publishLimitBps,
    joins: metrics.joins,
  };
}

function iceFronts({ config, lifecycle }: Foundation): OpenIceFront {
  const fronts = new IceFronts(config.media.ip);
  lifecycle.started('ICE process', 1_000, () => fronts.close());
  return (transport) => fronts.open(transport);
}

function openPipeMeter({ config, lifecycle }: Foundation, relays: Relays): PipeMeter {
  const { id: nodeId } = config.node;
  const meter = new PipeMeter({ pipes: () => relays.pipes.list, nodeId, clock: systemClock });
  lifecycle.started('pipe meter', 1_000, () => meter.stop());
  return meter;
}

function numberedCopies(
  { config, workers }: Foundation,
  source: Relays,
  report: (error: unknown) => void,
): NumberedCopies {
  const { relayLingerMs: lingerMs, ...listen } = config.pipes;
  return new NumberedCopies({
    routers: workers,
    source,
    listen,
    clock: systemClock,
    lingerMs,
    report,
  });
}

function openRelays(
  { config, log, metrics, identity, workers }: Foundation,
  parts: {
    readonly copies: StreamCopies;
    readonly directory: Directory;
    readonly facts: Facts;
    readonly peers: RelayPeers;
    readonly doubtful: () => boolean;
  },
): Relays {
  const { copies, directory, facts, peers, doubtful } = parts;
  const { relayLingerMs, ...listen } = config.pipes;
  return new Relays({
    identity,
    routers: workers,
    copies,
    directory,
    facts,
    peerAt: (grpcAddress) => peers.at(grpcAddress),
    tickets: relayTickets(config.clusterSecret),
    listen,
    clock: systemClock,
    log,
    times: { lingerMs: relayLingerMs },
    doubtful,
    onSilentNode: () => metrics.silentNodes.inc(),
    onRelaySetUp: metrics.onRelaySetUp,
    onPipeSetUp: metrics.onPipeSetUp,
  });
}

function openMeter(foundation: Foundation, node: MediaNode, relays: Relays): LoadMeter {
  const { config, workers, lifecycle } = foundation;
  const meter = new LoadMeter({
    node,
    routers: workers,
    cpuShares: () => workers.cpuShares(),
    pipeTransports: (routerId) =>
      [...relays.pipes.list]
        .filter(({ router }) => router.routerId === routerId)
        .map(({ transport }) => transport),
    capacity: config.capacity,
    clock: systemClock,
  });
  lifecycle.started('load meter', 1_000, () => meter.stop());
  return meter;
}

/** Heartbeats, and telling again what the directory may have forgotten. */
function startTelling(parts: Parts & Foundation): void {
  tellKubernetes(parts);
  const { config, identity, bus, lifecycle, workers, node, meter, facts, epochs } = parts;
  const { reregistration } = parts;
  const heartbeat = new Heartbeat(bus, systemClock, () => ({
    nodeId: identity.nodeId,
    bootId: identity.bootId,
    grpcAddress: identity.grpcAddress,
    region: config.node.region,
    zone: config.node.zone,
    ...node.report(meter.load, workers.beacons()),
    revision: facts.revision,
    highestEpoch: epochs.highest,
  }));
  lifecycle.started('heartbeat', 1_000, () => heartbeat.stop());
  lifecycle.started('reregistration', 1_000, () => reregistration.stop());
  node.onStateChanged(() => heartbeat.beat());
  workers.on('died', () => heartbeat.beat());
  workers.on('opened', () => heartbeat.beat());
  bus.listen(SUBJECTS.allLost, (payload) => {
    const { nodeId, bootId } = NodeLost.decode(payload);
    if (nodeId !== identity.nodeId) parts.relays.nodeLost(nodeId, bootId);
    // We live. What others hold by now is not ours any more.
    else if (bootId === identity.bootId) reregistration.now();
  });
  bus.listen(SUBJECTS.doubt(identity.nodeId), (payload) => {
    const { bootId, name } = StreamDoubted.decode(payload);
    if (name && bootId === identity.bootId) void parts.claims.check(name);
  });
  bus.listen(SUBJECTS.replan(identity.nodeId), (payload) => {
    const { relay } = RelayReplan.decode(payload);
    if (relay) parts.relays.replan(relay);
  });
  bus.onConnected(() => {
    heartbeat.beat();
    reregistration.now();
  });
}

function readMetrics(metrics: Metrics, parts: Parts & Pick<Foundation, 'bus' | 'workers'>): void {
  const { bus, workers, node, relays, meter, pipeMeter } = parts;
  metrics.read({
    ...node.readings(),
    ...parts.ingests.readings(),
    relays: () => relays.relays().length,
    pipes: () => [...relays.pipes.list].length,
    load: () => meter.load.node,
    loadParts: () => meter.parts,
    pipeTraffic: () => pipeMeter.traffic,
    bitrates: () => meter.bitrates,
    workers: () => workers.list.length,
    busConnected: () => bus.connected,
  });
}
