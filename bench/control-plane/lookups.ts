import { jetstream } from '@nats-io/jetstream';
import { Kvm, type KV } from '@nats-io/kv';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { streamKey, type StreamName } from '@sluice/core';
import { ClientPool, callUnary, channelCredentials } from '@sluice/grpc-kit';
import type { Cluster } from '@sluice/local-cluster';
import { StreamDirectoryClient, StreamDirectoryService } from '@sluice/proto-gen/stream_directory';
import { median, quantile } from '../report/statistics.js';
import { lookupMicroseconds } from './local-lookup.js';
import { Newcomer } from './newcomer.js';

export interface LookupPlan {
  readonly streams: number;
  readonly pairs: number;
  /** Look-ups one after the other, for the latency. */
  readonly inTurn: number;
  /** Look-ups at a time, for the throughput. */
  readonly atOnce: number;
  readonly windowMs: number;
}

/** How one way of looking up does. */
export interface LookupFigures {
  readonly medianUs: number;
  readonly p99Us: number;
  readonly perSecond: number;
}

export interface LookupPair {
  readonly directory: LookupFigures;
  readonly kv: LookupFigures;
}

export interface Lookups {
  readonly plan: LookupPlan;
  readonly pairs: readonly LookupPair[];
  /** CPU that the directory itself needs for one, without any message. */
  readonly ownUs: number;
}

type Lookup = (index: number) => Promise<unknown>;

const DEADLINE_MS = 3_000;
const BUCKET = 'bench';

/** Asks for the same streams by turns: the directory, and the nats-server that it keeps records in. */
export async function measureLookups(cluster: Cluster, plan: LookupPlan): Promise<Lookups> {
  const nats = await connect({ servers: cluster.natsUrl });
  const clients = new ClientPool(StreamDirectoryClient, channelCredentials(undefined));
  const { names, leave } = await publishSome(cluster, plan.streams);
  try {
    const directory = directoryLookup(clients, cluster, names);
    const kv = await kvLookup(nats, directory, names);
    const pairs: LookupPair[] = [];
    for (const lookup of [directory, kv]) await measure(lookup, plan);
    while (pairs.length < plan.pairs) {
      pairs.push({ directory: await measure(directory, plan), kv: await measure(kv, plan) });
    }
    return { plan, pairs, ownUs: await lookupMicroseconds() };
  } finally {
    leave();
    clients.close();
    await nats.close();
  }
}

/** Real streams: what is looked up is what clients have published. */
async function publishSome(cluster: Cluster, count: number) {
  const subjects = Array.from({ length: count }, (_, index) => `looked-up-${index}`);
  const publishers: Newcomer[] = [];
  for (const subject of subjects) {
    const token = await cluster.token({ subject });
    publishers.push(await Newcomer.join({ url: cluster.ws, token, room: subject }));
  }
  return {
    names: subjects.map((participant): StreamName => {
      return { room: participant, participant, purpose: 'm.usermedia' };
    }),
    leave: () => {
      for (const publisher of publishers) publisher.leave();
    },
  };
}

/** As a media node asks, when somebody subscribes there. */
function directoryLookup(
  clients: ClientPool<StreamDirectoryClient>,
  cluster: Cluster,
  names: readonly StreamName[],
): Lookup {
  const [replica] = cluster.services('directory');
  const client = clients.at(replica?.addresses['grpc'] ?? '');
  const { findStream } = StreamDirectoryService;
  return (index) =>
    callUnary(client, findStream, { name: names[index % names.length] }, DEADLINE_MS);
}

/** The same answers as values of a bucket, read as quickly as NATS's own client can. */
async function kvLookup(
  nats: NatsConnection,
  directory: Lookup,
  names: readonly StreamName[],
): Promise<Lookup> {
  const bucket: KV = await new Kvm(jetstream(nats)).create(BUCKET, { history: 1 });
  const keys = names.map(streamKey);
  for (const [index, key] of keys.entries()) {
    await bucket.put(key, JSON.stringify(await directory(index)));
  }
  return async (index) => {
    const entry = await bucket.get(keys[index % keys.length] ?? '');
    return entry?.json();
  };
}

async function measure(lookup: Lookup, plan: LookupPlan): Promise<LookupFigures> {
  const timesUs: number[] = [];
  for (let index = 0; index < plan.inTurn; index += 1) {
    const startedMs = performance.now();
    await lookup(index);
    timesUs.push((performance.now() - startedMs) * 1e3);
  }
  return {
    medianUs: median(timesUs),
    p99Us: quantile(timesUs, 0.99),
    perSecond: await throughput(lookup, plan),
  };
}

async function throughput(lookup: Lookup, { atOnce, windowMs }: LookupPlan): Promise<number> {
  const startedMs = performance.now();
  let done = 0;
  const asking = async (): Promise<void> => {
    while (performance.now() - startedMs < windowMs) {
      await lookup(done);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, asking));
  return (done * 1e3) / (performance.now() - startedMs);
}
