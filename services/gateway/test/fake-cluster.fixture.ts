import { SluiceError } from '@sluice/core';
import {
  bidiStream,
  manyWatches,
  serverCredentials,
  serverStream,
  startGrpcServer,
  unary,
  type CallContext,
} from '@sluice/grpc-kit';
import { SUBJECTS, type Bus } from '@sluice/nats-kit';
import {
  IngestStatus,
  NodeState,
  TrackKind,
  type RouterRef,
  type SessionRef,
  type StreamState,
} from '@sluice/proto-gen/common';
import { Fact } from '@sluice/proto-gen/facts';
import {
  MediaNodeService,
  type MediaNodeServer,
  type SessionEvent,
  type WatchSessionRequest,
} from '@sluice/proto-gen/media_node';
import {
  StreamDirectoryService,
  type IngestView,
  type StreamDirectoryServer,
} from '@sluice/proto-gen/stream_directory';

/** A mistake of the fakes themselves must not look like one of the gateway. */
function showUnforeseen(error: SluiceError, method: string): void {
  if (error.code === 'INTERNAL') console.error(`${method} of a fake failed`, error.cause);
}

const never = <Req, Res>() =>
  unary<Req, Res>(
    () => Promise.reject(new SluiceError('INTERNAL', 'not asked here')),
    showUnforeseen,
  );

/** Grows with each stream that any node publishes, as the directory makes it. */
let lastEpoch = 0;

export interface FakeSession {
  readonly ref: SessionRef;
  readonly replacesSessionId: string | undefined;
  readonly publications: Set<string>;
  readonly subscriptions: Set<string>;
  watch: { write(event: SessionEvent): void; end(error?: SluiceError): void } | undefined;
}

/** Answers as a media node does, without media: its SDP says which node and what it is about. */
export class FakeNode {
  readonly sessions = new Map<string, FakeSession>();
  /** Every call in its order, as `method detail`. */
  readonly calls: string[] = [];
  /** Thrown by the method of that name until it is deleted. */
  readonly failures = new Map<string, SluiceError>();
  /** Awaited by the method of that name. */
  readonly gates = new Map<string, Promise<void>>();
  readonly #epochs = new Map<string, number>();
  #revision = 0;
  router!: RouterRef;
  stop!: (graceMs?: number) => Promise<void>;

  private constructor(
    readonly nodeId: string,
    private readonly bus: Bus,
  ) {}

  static async start(nodeId: string, bus: Bus): Promise<FakeNode> {
    const node = new FakeNode(nodeId, bus);
    const server = await startGrpcServer('127.0.0.1:0', serverCredentials(undefined), [
      [MediaNodeService, node.#service()],
    ]);
    node.stop = (graceMs = 0) => server.stop(graceMs);
    node.router = {
      nodeId,
      bootId: `${nodeId}-boot`,
      routerId: `${nodeId}-router`,
      grpcAddress: server.address,
    };
    return node;
  }

  sessionOf(participant: string): FakeSession {
    const found = [...this.sessions.values()].find(({ ref }) => ref.participant === participant);
    if (!found) throw new Error(`no session of ${participant} on ${this.nodeId}`);
    return found;
  }

  /** Says something to the session's client. */
  tell(participant: string, event: SessionEvent['event'] & object): void {
    this.sessionOf(participant).watch?.write({ event });
  }

  streams(): StreamState[] {
    return [...this.sessions.values()].flatMap(({ ref, publications }) =>
      [...publications].map((purpose) => this.#stream(ref, purpose)),
    );
  }

  publishFact(room: string, fact: NonNullable<Fact['fact']>): void {
    this.#revision += 1;
    const { nodeId, bootId } = this.router;
    const payload = Fact.encode({ nodeId, bootId, revision: this.#revision, fact }).finish();
    this.bus.publish(SUBJECTS.roomFact(room, nodeId), payload);
  }

  /** Lets a session go and says so, as at the end of its grace time. */
  end(session: FakeSession, reason: string): void {
    const { ref } = session;
    if (!this.sessions.delete(ref.sessionId)) return;
    for (const purpose of session.publications) this.#endStream(ref, purpose);
    this.publishFact(ref.room, { $case: 'sessionClosed', value: { session: ref, reason } });
    session.watch?.write({ event: { $case: 'ended', value: { reason } } });
    session.watch?.end();
  }

  #endStream(ref: SessionRef, purpose: string): void {
    const { room, participant } = ref;
    const name = { room, participant, purpose };
    this.publishFact(room, {
      $case: 'streamEnded',
      value: { name, epoch: this.#epochOf(ref, purpose) },
    });
  }

  #stream(ref: SessionRef, purpose: string): StreamState {
    const { room, participant, sessionId, routerId } = ref;
    const kinds = [TrackKind.TRACK_KIND_AUDIO, TrackKind.TRACK_KIND_VIDEO];
    return {
      name: { room, participant, purpose },
      epoch: this.#epochOf(ref, purpose),
      sessionId,
      routerId,
      tracks: kinds.map((kind) => {
        const trackId = kind === TrackKind.TRACK_KIND_AUDIO ? 'audio' : 'video';
        return { trackId, kind, paused: false, mimeType: `${trackId}/fake` };
      }),
    };
  }

  #epochOf({ sessionId }: SessionRef, purpose: string): number {
    return this.#epochs.get(`${sessionId} ${purpose}`) ?? 1;
  }

  async #enter(method: string, detail: string): Promise<void> {
    this.calls.push(`${method} ${detail}`.trim());
    await this.gates.get(method);
    const failure = this.failures.get(method);
    if (failure) throw failure;
  }

  #session(sessionId: string): FakeSession {
    const session = this.sessions.get(sessionId);
    if (!session) throw new SluiceError('NOT_FOUND', `session ${sessionId} does not exist`);
    return session;
  }

  async #watch(
    { sessionId }: WatchSessionRequest,
    write: (event: SessionEvent) => void,
    { signal }: CallContext,
  ): Promise<void> {
    await this.#enter('watchSession', '');
    const session = this.#session(sessionId);
    session.watch?.end();
    await new Promise<void>((resolve, reject) => {
      const watch = {
        write,
        end: (error?: SluiceError) => (error ? reject(error) : resolve()),
      };
      session.watch = watch;
      signal.addEventListener('abort', () => {
        if (session.watch === watch) session.watch = undefined;
        resolve();
      });
      const publications = [...session.publications].map((purpose) => ({ purpose }));
      const subscriptions = [...session.subscriptions].map((key) => {
        const [participant = '', purpose = ''] = key.split('/');
        return { stream: { room: session.ref.room, participant, purpose }, connection: '' };
      });
      write({ event: { $case: 'snapshot', value: { publications, subscriptions } } });
    });
  }

  #service(): MediaNodeServer {
    const report = showUnforeseen;
    return {
      openSession: unary(async (request) => {
        await this.#enter('openSession', request.participant);
        const { sessionId, room, participant, username, connectionId, present, routerId } = request;
        const { replacesSessionId } = request;
        const who = { sessionId, room, participant, username, connectionId };
        const ref: SessionRef = { ...who, present, routerId, attached: false };
        this.sessions.set(request.sessionId, {
          ref,
          replacesSessionId,
          publications: new Set(),
          subscriptions: new Set(),
          watch: undefined,
        });
        this.publishFact(ref.room, { $case: 'sessionOpened', value: { session: ref } });
        return { nodeId: this.nodeId, bootId: this.router.bootId };
      }, report),
      watchSession: serverStream((...watch) => this.#watch(...watch), report),
      watchSessions: bidiStream(
        manyWatches((...watch) => this.#watch(...watch)),
        report,
      ),
      openDataChannelClient: unary(async (request) => {
        const { participant, room, validMs, roomsNeedCreator, sdp } = request;
        const valid = `${validMs > 0 ? 'valid' : 'expired'}${roomsNeedCreator ? ', bound' : ''}`;
        await this.#enter('openDataChannelClient', `${participant} in ${room}, ${valid}: ${sdp}`);
        return { sdp: `answer of ${this.nodeId}` };
      }, report),
      closeSession: unary(async ({ sessionId, reason }) => {
        await this.#enter('closeSession', reason);
        const session = this.sessions.get(sessionId);
        if (session) this.end(session, reason);
        return {};
      }, report),
      setPresence: unary(() => Promise.resolve({}), report),
      publish: unary(async ({ sessionId, purpose, sdp }) => {
        await this.#enter('publish', purpose);
        const session = this.#session(sessionId);
        if (!session.publications.has(purpose)) {
          this.#epochs.set(`${sessionId} ${purpose}`, (lastEpoch += 1));
        }
        session.publications.add(purpose);
        const stream = this.#stream(session.ref, purpose);
        const { username, room } = session.ref;
        this.publishFact(room, { $case: 'streamPublished', value: { stream, username } });
        return { sdp: `answer of ${this.nodeId} to ${sdp}`, tracks: stream.tracks };
      }, report),
      setMuted: unary(async ({ sessionId, purpose, kind, muted }) => {
        await this.#enter('setMuted', `${purpose} ${String(kind)} ${String(muted)}`);
        this.#session(sessionId);
        return {};
      }, report),
      unpublish: unary(async ({ sessionId, purpose }) => {
        await this.#enter('unpublish', purpose);
        const session = this.#session(sessionId);
        session.publications.delete(purpose);
        this.#endStream(session.ref, purpose);
        return {};
      }, report),
      subscribe: unary(async ({ sessionId, participant, purpose, gather }) => {
        await this.#enter('subscribe', `${participant}/${purpose}`);
        const session = this.#session(sessionId);
        session.subscriptions.add(`${participant}/${purpose}`);
        return { sdp: gather ? '' : `offer of ${this.nodeId} for ${participant}` };
      }, report),
      answerSubscription: unary(async ({ participant, sdp }) => {
        await this.#enter('answerSubscription', `${participant} ${sdp}`);
        return {};
      }, report),
      offerConnection: unary(async ({ sessionId, connection }) => {
        await this.#enter('offerConnection', connection);
        this.#session(sessionId);
        return { sdp: `offer of ${this.nodeId} for nobody` };
      }, report),
      subscribeByOffer: unary(async ({ sessionId, participant, purpose, sdp }) => {
        await this.#enter('subscribeByOffer', `${participant}/${purpose}`);
        this.#session(sessionId).subscriptions.add(`${participant}/${purpose}`);
        return { sdp: `a=ice-ufrag:first\r\nanswer of ${this.nodeId} to ${sdp}` };
      }, report),
      negotiate: never(),
      startIngest: never(),
      stopIngest: never(),
      updateIce: unary(async ({ sessionId, known, fragment }) => {
        await this.#enter('updateIce', `${known} ${fragment}`);
        this.#session(sessionId);
        if (known !== '*' && known !== 'first') {
          return { stale: true, fragment: '', usernameFragment: '' };
        }
        return fragment.includes('restart')
          ? { stale: false, fragment: 'a=ice-ufrag:second', usernameFragment: 'second' }
          : { stale: false, fragment: '', usernameFragment: '' };
      }, report),
      unsubscribe: unary(async ({ sessionId, participant, purpose }) => {
        await this.#enter('unsubscribe', `${participant}/${purpose}`);
        this.#session(sessionId).subscriptions.delete(`${participant}/${purpose}`);
        return {};
      }, report),
      setLayers: unary(async ({ participant, spatial, temporal, paused }) => {
        await this.#enter(
          'setLayers',
          [participant, spatial, temporal, paused].map(String).join(' '),
        );
        return {};
      }, report),
      restartIce: unary(async ({ target }) => {
        await this.#enter('restartIce', target?.$case ?? '');
        return { sdp: target?.$case === 'subscription' ? 'restarted offer' : '' };
      }, report),
      addIceCandidate: unary(async ({ candidate }) => {
        await this.#enter('addIceCandidate', candidate);
        return {};
      }, report),
      getState: never(),
      drain: unary(async ({ deadlineMs, reason }) => {
        await this.#enter('drain', `${reason} ${String(deadlineMs)}`);
        return {};
      }, report),
      undrain: unary(async () => {
        await this.#enter('undrain', '');
        return {};
      }, report),
      getSessionStats: unary(async ({ sessionId }) => {
        await this.#enter('getSessionStats', '');
        const { ref, subscriptions } = this.#session(sessionId);
        return {
          subscriptions: [...subscriptions].map((key) => {
            const [participant = '', purpose = ''] = key.split('/');
            return {
              stream: { room: ref.room, participant, purpose },
              path: ['origin', this.nodeId],
              tracks: [
                {
                  trackId: 'video',
                  kind: TrackKind.TRACK_KIND_VIDEO,
                  mimeType: 'video/VP8',
                  bitrateBps: 500_000,
                  spatial: 1,
                  loss: 0.25,
                },
              ],
            };
          }),
        };
      }, report),
    };
  }
}

/** A directory that knows at once what its nodes hold; it places in turn. */
export class FakeDirectory {
  readonly nodes: FakeNode[] = [];
  readonly failures = new Map<string, SluiceError>();
  readonly placements: (readonly string[])[] = [];
  /** Of rooms, as `room locked removed`. */
  readonly updates: string[] = [];
  /** By node id; the nodes that drain. */
  readonly drainRemainingMs = new Map<string, number>();
  readonly ingests = new Map<string, IngestView>();
  /** How often the list of nodes was read. */
  listed = 0;
  #next = 0;
  address!: string;
  stop!: () => Promise<void>;

  static async start(): Promise<FakeDirectory> {
    const directory = new FakeDirectory();
    const server = await startGrpcServer('127.0.0.1:0', serverCredentials(undefined), [
      [StreamDirectoryService, directory.#service()],
    ]);
    directory.address = server.address;
    directory.stop = () => server.stop(0);
    return directory;
  }

  /** A name has one origin: the latest. */
  #streamsOf(room: string) {
    const rows = this.nodes.flatMap((node) =>
      node.streams().map((stream) => ({
        stream,
        username: node.sessions.get(stream.sessionId)?.ref.username ?? '',
        nodeId: node.nodeId,
      })),
    );
    const inRoom = rows.filter(({ stream }) => stream.name?.room === room);
    const latest = inRoom.toSorted((a, b) => a.stream.epoch - b.stream.epoch);
    return [
      ...new Map(
        latest.map((row) => [`${row.stream.name!.participant}/${row.stream.name!.purpose}`, row]),
      ).values(),
    ];
  }

  #check(method: string): void {
    const failure = this.failures.get(method);
    if (failure) throw failure;
  }

  #service(): StreamDirectoryServer {
    const report = showUnforeseen;
    const answer = <Req, Res>(method: string, useCase: (request: Req) => Res) =>
      unary((request: Req) => {
        this.#check(method);
        return Promise.resolve(useCase(request));
      }, report);
    return {
      placeSession: answer('placeSession', ({ excludeNodeIds }) => {
        this.placements.push(excludeNodeIds);
        const open = this.nodes.filter(({ nodeId }) => !excludeNodeIds.includes(nodeId));
        const node = open[this.#next++ % open.length];
        if (!node) throw new SluiceError('CAPACITY_EXHAUSTED', 'no node may take it');
        return { router: node.router };
      }),
      updateRoom: answer('updateRoom', ({ room, locked, removedParticipant }) => {
        this.updates.push(`${room} ${String(locked)} ${String(removedParticipant)}`);
        return {};
      }),
      getRoom: answer('getRoom', ({ room }) => ({
        sessions: this.nodes.flatMap(({ nodeId, sessions }) =>
          [...sessions.values()]
            .filter(({ ref }) => ref.room === room)
            .map(({ ref }) => ({ session: ref, nodeId })),
        ),
        streams: this.#streamsOf(room),
      })),
      findSessions: answer('findSessions', ({ connectionId }) => ({
        sessions: this.nodes.flatMap(({ sessions, router }) =>
          [...sessions.values()]
            .filter(({ ref }) => ref.connectionId === connectionId)
            .map(({ ref }) => ({ session: ref, router })),
        ),
      })),
      listNodes: answer('listNodes', () => {
        this.listed += 1;
        return {
          nodes: this.nodes.map(({ router, sessions }) => ({
            ...router,
            region: 'r1',
            zone: 'z1',
            state: this.drainRemainingMs.has(router.nodeId)
              ? NodeState.NODE_STATE_DRAINING
              : NodeState.NODE_STATE_SERVING,
            drainRemainingMs: this.drainRemainingMs.get(router.nodeId),
            load: 0.25,
            sessions: sessions.size,
            silenceMs: 10,
            routerIds: [router.routerId],
          })),
        };
      }),
      listStreams: answer('listStreams', () => ({
        streams: this.nodes.flatMap((node) =>
          node.streams().map((stream) => ({ stream, username: 'who', nodeId: node.nodeId })),
        ),
      })),
      listRelays: answer('listRelays', () => ({
        relays: [
          {
            stream: { room: 'a/b', participant: '50%', purpose: 'm.usermedia' },
            epoch: 3,
            from: this.nodes[0]?.router,
            to: this.nodes[1]?.router,
          },
        ],
      })),
      admitToRoom: never(),
      claimStream: never(),
      releaseStream: never(),
      findStream: never(),
      planRelay: never(),
      createIngest: answer('createIngest', ({ definition }) => {
        const status = IngestStatus.INGEST_STATUS_RUNNING;
        const view = { definition, nodeId: 'node-a', status, bitrateBps: 612_300, reason: '' };
        this.ingests.set(definition!.ingestId, view);
        return {};
      }),
      deleteIngest: answer('deleteIngest', ({ ingestId }) => {
        this.ingests.delete(ingestId);
        return {};
      }),
      listIngests: answer('listIngests', () => ({ ingests: [...this.ingests.values()] })),
    };
  }
}
