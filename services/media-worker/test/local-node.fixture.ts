import {
  SessionId,
  SluiceError,
  notFound,
  streamKey,
  systemClock,
  describeStream,
  type StreamName,
} from '@sluice/core';
import { FakeClock } from '@sluice/testing';
import { Epochs } from '../src/domain/streams/epochs.js';
import { MediaNode } from '../src/domain/node/media-node.js';
import { SILENT } from '../src/domain/ports.fixture.js';
import type { Directory, FactPublisher, NodeIdentity } from '../src/domain/ports.js';
import { NumberedCopies } from '../src/domain/streams/numbered-copies.js';
import { RetiredConnections } from '../src/domain/sessions/retired-connections.js';
import {
  SESSION_LIMITS,
  SESSION_TIMINGS,
  type SessionLimits,
  type SessionTimings,
} from '../src/domain/sessions/session-bounds.js';
import type { SessionEvent } from '../src/domain/sessions/session-events.js';
import type { Session } from '../src/domain/sessions/session.js';
import { Speakers } from '../src/domain/sessions/speakers.js';
import { StreamClaims } from '../src/domain/streams/stream-claims.js';
import { StreamCopies, type StreamSource } from '../src/domain/streams/stream-copies.js';
import type { StreamCopy } from '../src/domain/streams/stream-copy.js';
import { openHomeRouters, type Workers } from '../src/mediasoup/workers.js';

const IDENTITY: NodeIdentity = { nodeId: 'local', bootId: 'boot', grpcAddress: '127.0.0.1:1' };

/** A directory for one node, which grants every name once. */
class TableDirectory implements Directory {
  readonly #held = new Map<string, string>();
  /** What registering again is refused with. */
  fences = false;

  claimStream({ name, sessionId, heldEpoch }: Parameters<Directory['claimStream']>[0]) {
    const holder = this.#held.get(streamKey(name));
    if (heldEpoch !== undefined && this.fences) {
      return Promise.reject(new SluiceError('STALE_EPOCH', 'another has it'));
    }
    if (holder !== undefined && holder !== sessionId) {
      return Promise.reject(new SluiceError('ALREADY_EXISTS', 'taken'));
    }
    this.#held.set(streamKey(name), sessionId);
    return Promise.resolve({ epoch: heldEpoch ?? 1 });
  }

  releaseStream(name: StreamName): Promise<void> {
    this.#held.delete(streamKey(name));
    return Promise.resolve();
  }

  findStream(): never {
    throw new Error('nothing is taken over');
  }

  planRelay(): never {
    throw new Error('there is one node alone');
  }
}

/** The streams of this node, and whatever a test puts in their place. */
class LocalSource implements StreamSource {
  readonly replaced = new Map<string, StreamCopy>();
  asked = 0;

  constructor(private readonly copies: StreamCopies) {}

  ensure(routerId: string, name: StreamName): Promise<StreamCopy> {
    this.asked += 1;
    const copy = this.replaced.get(streamKey(name)) ?? this.copies.find(routerId, name);
    return copy && !copy.closed
      ? Promise.resolve(copy)
      : Promise.reject(notFound('stream', describeStream(name)));
  }
}

export interface LocalNode {
  readonly node: MediaNode;
  readonly clock: FakeClock;
  readonly claims: StreamClaims;
  readonly directory: TableDirectory;
  readonly source: LocalSource;
  readonly facts: string[];
  readonly troubles: unknown[];
  open(participant: string): { session: Session; events: SessionEvent[] };
}

/** A core, and what was logged of it that somebody should look at. */
export interface OneCore {
  readonly workers: Workers;
  readonly complaints: string[];
}

export async function openOneCore(): Promise<OneCore> {
  const complaints: string[] = [];
  const complain = (fields: object, message: string) => {
    complaints.push(`${message} ${JSON.stringify(fields)}`);
  };
  const log = { ...SILENT, warn: complain, error: complain };
  const listen = { ip: '127.0.0.1', basePort: 0 };
  return {
    workers: await openHomeRouters({ cores: 1, listen, clock: systemClock, log }),
    complaints,
  };
}

/** A media node without a network, whose time the test moves. */
export function localNode(
  workers: Workers,
  limits: Partial<SessionLimits> = {},
  timings: Partial<SessionTimings> = {},
): LocalNode {
  const clock = new FakeClock();
  const directory = new TableDirectory();
  const copies = new StreamCopies();
  const source = new LocalSource(copies);
  const facts: string[] = [];
  const troubles: unknown[] = [];
  const publisher = factsInto(facts);
  const claims = new StreamClaims({
    directory,
    clock,
    epochs: new Epochs(),
    holders: { yield: () => Promise.reject(new SluiceError('INVALID_STATE', 'in use')) },
    onFenced: () => facts.push('fenced'),
  });
  const report = (error: unknown) => troubles.push(error);
  const environment = {
    clock,
    facts: publisher,
    claims,
    copies,
    source,
    numbered: new NumberedCopies({
      routers: workers,
      source,
      listen: { ip: '127.0.0.1', portMin: 0, portMax: 0 },
      clock,
      lingerMs: 3_000,
      report,
    }),
    speakers: new Speakers(publisher, report),
    retired: new RetiredConnections(clock, SESSION_TIMINGS.handOverMs),
    timings: { ...SESSION_TIMINGS, ...timings },
    limits: { ...SESSION_LIMITS, ...limits },
    connections: {
      iceConsentTimeoutSeconds: 20,
      initialOutgoingBps: 1_000_000,
      minOutgoingBps: 200_000,
      maxIncomingBps: 5_000_000,
      joins: {
        onPhase: () => undefined,
        onFirstMedia: () => undefined,
        onConnectionClosed: () => undefined,
      },
    },
    openIceFront: () => Promise.reject(new Error('nobody dials')),
    report,
  };
  const node = new MediaNode({ identity: IDENTITY, routers: workers, environment, sessionsMax: 4 });
  const open = (participant: string) => {
    const profile = {
      sessionId: SessionId(`session-of-${participant}`),
      room: 'room',
      participant,
      username: participant,
      connectionId: 'connection',
      grants: { publish: true, subscribe: true },
    };
    const session = node.openSession(profile, workers.list[0]?.routerId ?? '', true);
    const events: SessionEvent[] = [];
    session.attach((event) => events.push(event));
    return { session, events };
  };
  return { node, clock, claims, directory, source, facts, troubles, open };
}

function factsInto(facts: string[]): FactPublisher {
  const note =
    (fact: string) =>
    (...[, reason]: unknown[]) => {
      facts.push(typeof reason === 'string' ? `${fact} ${reason}` : fact);
    };
  return {
    sessionOpened: note('sessionOpened'),
    sessionChanged: note('sessionChanged'),
    sessionClosed: note('sessionClosed'),
    streamPublished: note('streamPublished'),
    streamChanged: note('streamChanged'),
    streamEnded: note('streamEnded'),
    relayOpened: note('relayOpened'),
    relayClosed: note('relayClosed'),
    speakersChanged: note('speakersChanged'),
  };
}
