import { randomUUID } from 'node:crypto';
import { Registry } from 'prom-client';
import { StreamDirectoryService } from '@sluice/proto-gen/stream_directory';
import { Lifecycle, systemClock } from '@sluice/core';
import {
  channelCredentials,
  serverCredentials,
  startGrpcServer,
  type MutualTls,
  type ReportError,
} from '@sluice/grpc-kit';
import { BUCKETS, Bus, KvBucket } from '@sluice/nats-kit';
import {
  createLogger,
  startAdminServer,
  timed,
  watchGrpcTls,
  type Logger,
  type RunningService,
  type TimedCall,
} from '@sluice/service-kit';
import { ingestUrls, relayTickets } from '@sluice/tokens';
import type { Config } from './config.js';
import { RoomDoors } from './domain/rooms/room-doors.js';
import { definitionOf, sameUrl } from './configured-ingests.js';
import { Directory, type Surroundings } from './domain/directory.js';
import { IngestKeeper } from './domain/ingests/ingest-keeper.js';
import { Ingests } from './domain/ingests/ingests.js';
import type { MediaNodes } from './domain/ports.js';
import { directoryService } from './grpc/directory-service.js';
import { GrpcMediaNodes } from './grpc/media-nodes.js';
import { createMetrics, type Metrics, type Observed } from './metrics.js';
import { doubtStream } from './nats/doubts.js';
import { listenToFacts } from './nats/facts.js';
import { NatsHearing } from './nats/hearing.js';
import { IngestCopy, NatsIngestRecords } from './nats/ingest-records.js';
import { announceLost } from './nats/lost-nodes.js';
import { askToReplan } from './nats/replans.js';
import { PlanExchange } from './nats/plan-exchange.js';
import { RoomSweep } from './domain/rooms/room-sweep.js';
import { KnownRooms, NatsRoomRecords } from './nats/room-records.js';
import { NatsStreamRecords, RecordCopy } from './nats/stream-records.js';
import { BeaconProber } from './stun/beacon-prober.js';

const GRPC_GRACE_MS = 2_000;

export interface RunningDirectory extends RunningService {
  /** host:port of the gRPC server. */
  readonly grpcAddress: string;
  readonly adminUrl: string;
}

/** Builds and starts one replica. */
export async function compose(config: Config): Promise<RunningDirectory> {
  const log = createLogger('stream-directory', config.logLevel);
  const lifecycle = new Lifecycle();
  const prometheus = new Registry();

  const bus = openBus(config, log);
  lifecycle.started('bus', 3_000, () => bus.close());
  const known = { directory: () => directory, ingests: () => ingests };
  const metrics = createMetrics(prometheus, observedOf(known, bus, config));
  const tls = watchGrpcTls(config.grpc.tls, { metrics, log, lifecycle });
  const { nodes, beacons } = openAsking(tls, { metrics, log, lifecycle });
  const copy = new RecordCopy(() => directory.audit());
  const bucket = openBucket(bus, config, copy, log);
  lifecycle.started('stream records', 500, () => bucket.close());

  const exchange = new PlanExchange(bus);
  const surroundings: Surroundings = {
    records: timed(new NatsStreamRecords(bucket, copy), recordCalls(metrics)),
    nodes: counting(nodes, metrics),
    beacons,
    hearing: new NatsHearing(bus, systemClock),
    clock: systemClock,
    random: Math.random,
    sign: (ticket) => relayTickets(config.clusterSecret).seal(ticket),
    announce: (relay) => exchange.announce(relay),
    replan: (relay) => askToReplan(bus, relay),
    doubt: (boot, name) => doubtStream(bus, boot, name),
    announceLost: (boot) => announceLost(bus, boot),
  };
  const directory = new Directory(surroundings, config, {
    onEnded: ({ nodeId, bootId }) => {
      log.warn({ nodeId, bootId }, 'a media node is gone');
      metrics.endedBoots.inc();
      nodes.forget(bootId);
    },
    onRejected: (reason) => metrics.rejections.inc({ reason }),
    onRepair: (kind) => metrics.repairs.inc({ kind }),
  });
  directory.start();
  lifecycle.started('directory', 500, () => directory.stop());
  const ingests = keepIngests(config, { bus, directory, nodes, metrics, log, lifecycle });
  const onMalformed = (error: unknown) => {
    metrics.malformed.inc();
    log.debug({ err: error }, 'malformed message');
  };
  listenToFacts(bus, directory, onMalformed);
  exchange.listen((relay) => directory.hearPlanned(relay), onMalformed);

  const doors = openDoors(bus, config, directory, log, lifecycle);
  const parts = { tls, directory, doors, ingests, bus, metrics, prometheus, log, lifecycle };
  const addresses = await startServers(config, parts).catch(async (error: unknown) => {
    // Whoever could not start, as when its port is taken, leaves nothing running.
    await lifecycle.stop();
    throw error;
  });
  return { lifecycle, log, ...addresses };
}

function openDoors(
  bus: Bus,
  config: Config,
  directory: Directory,
  log: Logger,
  lifecycle: Lifecycle,
): RoomDoors {
  const { replicas, timeoutMs } = config.nats;
  const onTrouble = (error: unknown) => log.debug({ err: error }, 'room records trouble');
  const known = new KnownRooms();
  const options = { name: BUCKETS.rooms, replicas, timeoutMs, onTrouble };
  const bucket = KvBucket.open(bus, options, known);
  lifecycle.started('room records', 500, () => bucket.close());
  const records = new NatsRoomRecords(bucket, known);
  const attendances = async (room: string) => {
    const { sessions } = await directory.rooms.get(room);
    return sessions.map(({ session }) => session);
  };
  const hearingMs = () => directory.hearingMs;
  const sweep = new RoomSweep({ records, attendances, hearingMs, clock: systemClock, onTrouble });
  sweep.start();
  lifecycle.started('room sweep', 500, () => sweep.stop());
  const { roomParticipantsMax: participantsMax } = config;
  return new RoomDoors({ records, attendances, participantsMax, clock: systemClock });
}

/** By which nodes are asked, when they are not heard. */
function openAsking(
  tls: MutualTls | undefined,
  { metrics, log, lifecycle }: Pick<Parts, 'metrics' | 'log' | 'lifecycle'>,
) {
  const nodes = new GrpcMediaNodes(channelCredentials(tls), (error) => {
    metrics.malformed.inc();
    log.warn({ err: error }, 'a media node answered nonsense');
  });
  lifecycle.started('media node clients', 500, () => nodes.close());
  const beacons = new BeaconProber(systemClock, (error) => {
    log.warn({ err: error }, 'beacons cannot be asked');
  });
  lifecycle.started('beacon prober', 500, () => beacons.close());
  return { nodes, beacons };
}

interface Parts {
  readonly tls: MutualTls | undefined;
  readonly directory: Directory;
  readonly doors: RoomDoors;
  readonly ingests: Ingests;
  readonly bus: Bus;
  readonly metrics: Metrics;
  readonly prometheus: Registry;
  readonly log: Logger;
  readonly lifecycle: Lifecycle;
}

async function startServers(
  config: Config,
  { tls, directory, doors, ingests, bus, metrics, prometheus, log, lifecycle }: Parts,
): Promise<{ grpcAddress: string; adminUrl: string }> {
  const { placer, registry, planner, rooms, view } = directory;
  const untilKnown = () => directory.untilKnown();
  const useCases = { untilKnown, placer, registry, planner, rooms, view, doors, ingests };
  const service = directoryService(useCases, reportTo(log), (method, code, durationS) =>
    metrics.calls.observe({ method, code }, durationS),
  );
  const grpc = await startGrpcServer(config.grpc.listen, serverCredentials(tls), [
    [StreamDirectoryService, service],
  ]);
  lifecycle.started('gRPC server', GRPC_GRACE_MS + 500, () => grpc.stop(GRPC_GRACE_MS));

  let everConnected = false;
  let stopping = false;
  bus.onConnected(() => {
    everConnected = true;
    grpc.setServing(!stopping);
  });
  const admin = await startAdminServer(config.adminListen, prometheus, {
    live: () => true,
    notReadyBecause: () => {
      if (stopping) return ['stopping'];
      return everConnected ? [] : ['NATS has not been reached yet'];
    },
  });
  lifecycle.started('admin server', 500, () => admin.stop());
  lifecycle.started('health', 500, () => {
    stopping = true;
    grpc.setServing(false);
  });
  log.info({ grpc: grpc.address, admin: admin.url }, 'listening');
  return { grpcAddress: grpc.address, adminUrl: admin.url };
}

function openBus(config: Config, log: Logger): Bus {
  let connected = true;
  const bus = Bus.open({
    url: config.nats.url,
    name: 'stream-directory',
    credentialsFile: config.nats.credentialsFile,
    tls: config.nats.tls,
    onTrouble: (error) => {
      // One line for each time that it goes away, however often it is tried again.
      if (connected && !bus.connected) log.warn({ err: error }, 'NATS is away');
      else log.debug({ err: error }, 'NATS trouble');
      connected = bus.connected;
    },
  });
  bus.onConnected(() => {
    connected = true;
    log.info('NATS connected');
  });
  return bus;
}

function keepIngests(
  config: Config,
  parts: {
    readonly bus: Bus;
    readonly directory: Directory;
    readonly nodes: GrpcMediaNodes;
    readonly metrics: Metrics;
    readonly log: Logger;
    readonly lifecycle: Lifecycle;
  },
): Ingests {
  const { bus, directory, nodes, metrics, log, lifecycle } = parts;
  const { replicas, timeoutMs } = config.nats;
  const copy = new IngestCopy(() => keeper.unsettle());
  const onTrouble = (error: unknown) => log.debug({ err: error }, 'ingest records trouble');
  const bucket = KvBucket.open(
    bus,
    { name: BUCKETS.ingests, replicas, timeoutMs, onTrouble },
    copy,
  );
  lifecycle.started('ingest records', 500, () => bucket.close());
  const records = new NatsIngestRecords(bucket, copy);
  const urls = ingestUrls(config.clusterSecret);
  const { view, placer } = directory;
  const hearingMs = () => directory.hearingMs;
  const keeper = new IngestKeeper(
    { records, nodes, view, placer, clock: systemClock, hearingMs, newId: randomUUID },
    {
      configured: config.ingests.map((ingest) => definitionOf(ingest, urls)),
      sameUrl: (a, b) => sameUrl(a, b, urls),
      lostMs: config.lostMs,
    },
    {
      onAssigned: (ingestId, nodeId) => {
        metrics.assignedIngests.inc();
        log.info({ ingestId, nodeId }, 'an ingest was given to a node');
      },
      onTrouble: (error) => log.warn({ err: error }, 'ingest trouble'),
    },
  );
  keeper.start();
  lifecycle.started('ingest keeper', 500, () => keeper.stop());
  return new Ingests(records, view);
}

function openBucket(bus: Bus, config: Config, copy: RecordCopy, log: Logger): KvBucket {
  const { replicas, timeoutMs } = config.nats;
  const options = {
    name: BUCKETS.streams,
    replicas,
    timeoutMs,
    onTrouble: (error: unknown) => log.debug({ err: error }, 'stream records trouble'),
  };
  return KvBucket.open(bus, options, copy);
}

function recordCalls({ recordSeconds }: Metrics): TimedCall {
  return (method, outcome, seconds) => recordSeconds.observe({ method, outcome }, seconds);
}

function counting(nodes: MediaNodes, metrics: Metrics): MediaNodes {
  return {
    async readTruth(node, deadlineMs) {
      const answer = await nodes.readTruth(node, deadlineMs);
      metrics.stateReads.inc({ outcome: answer.outcome });
      return answer;
    },
  };
}

/** The one place where an error that leaves is logged. */
function reportTo(log: Logger): ReportError {
  return (error, method) => {
    const { code } = error;
    if (code === 'INTERNAL') log.error({ method, code, err: error.cause ?? error }, 'call failed');
    else log.debug({ method, code }, 'call refused');
  };
}

function observedOf(
  { directory, ingests }: { readonly directory: () => Directory; readonly ingests: () => Ingests },
  bus: Bus,
  config: Config,
): Observed {
  const count = (all: Iterable<unknown>) => [...all].length;
  return {
    nodes: function* () {
      const { view } = directory();
      for (const node of view.nodes()) {
        const silent = view.silenceMs(node) > config.placement.silentMs;
        if (directory().isStalled(node)) yield { state: 'stalled' };
        else yield { state: silent ? 'silent' : node.heartbeat.state };
      }
    },
    sessions: () => count(directory().view.sessions()),
    streams: () => count(directory().view.streams()),
    relays: () => directory().view.relays().length,
    ingests: () => ingests().list(),
    natsConnected: () => bus.connected,
  };
}
