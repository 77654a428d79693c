import type { SluiceError } from '@sluice/core';
import type { ServerMessage, WireSubscriptionStats } from '@sluice/protocol';
import type { Grants, Identity, ResumeContent, TokenRequest } from '@sluice/tokens';

/** One audio or video source inside a stream. */
export interface Track {
  readonly trackId: string;
  readonly kind: 'audio' | 'video' | 'data';
  readonly paused: boolean;
  readonly mimeType: string;
  /** What its publisher called a data channel, and the protocol that it named. */
  readonly label?: string | undefined;
  readonly protocol?: string | undefined;
}

/** Where a session is at home: one router of one node. */
export interface Home {
  readonly nodeId: string;
  /** Tells a node that was started again from the one that died. */
  readonly bootId: string;
  readonly routerId: string;
  /** host:port of the node's gRPC server. */
  readonly grpcAddress: string;
}

export interface RoomSession {
  readonly sessionId: string;
  readonly participant: string;
  readonly username: string;
  /** Counts as somebody who is in the room. */
  readonly present: boolean;
}

export interface RoomUpdate {
  /** A locked room lets in those who are in it already, and nobody else. */
  readonly locked?: boolean;
  /** Is a stranger from now on. */
  readonly removedParticipant?: string;
}

export interface RoomSessionAt extends RoomSession {
  readonly nodeId: string;
  /** The signaling connection that opened it. */
  readonly connectionId: string;
}

export interface RoomStream {
  readonly participant: string;
  readonly purpose: string;
  /** Undefined where the source of the news does not say it. */
  readonly username: string | undefined;
  readonly epoch: number;
  /** The session that publishes it. */
  readonly sessionId: string;
  readonly tracks: readonly Track[];
}

/** Everything the directory knows of a room. */
export interface RoomContents {
  readonly sessions: readonly RoomSession[];
  readonly streams: readonly RoomStream[];
}

export interface Speaker {
  readonly participant: string;
  /** dBov, -127 (silence) to 0 (loudest). */
  readonly volume: number;
}

/** News of a room, at most once. */
export type RoomFact =
  | { readonly kind: 'sessionSeen'; readonly session: RoomSession }
  | { readonly kind: 'sessionClosed'; readonly sessionId: string; readonly moved: boolean }
  | { readonly kind: 'streamSeen'; readonly stream: RoomStream }
  | {
      readonly kind: 'streamEnded';
      readonly participant: string;
      readonly purpose: string;
      readonly epoch: number;
    }
  | {
      readonly kind: 'speakersChanged';
      readonly nodeId: string;
      readonly speakers: readonly Speaker[];
    }
  /** Told to every room: a directory takes that boot of the node for lost. */
  | { readonly kind: 'nodeLost'; readonly nodeId: string; readonly bootId: string };

/** What one client says to another one of its room. */
export interface PeerMessage {
  readonly from: string;
  readonly fromUsername: string;
  readonly to: string;
  readonly body:
    | { readonly kind: 'offer' | 'answer'; readonly sdp: string }
    | { readonly kind: 'ice-candidate'; readonly candidate: PeerCandidate };
}

export interface PeerCandidate {
  readonly candidate: unknown;
  readonly sdpMid?: string | undefined;
  readonly sdpMLineIndex?: number | undefined;
}

export interface Listening {
  stop(): void;
}

/** What the cluster says of a room. Comes late or never when NATS is away. */
export interface RoomNews {
  listen(
    room: string,
    onFact: (fact: RoomFact) => void,
    onPeerMessage: (message: PeerMessage) => void,
  ): Listening;
  /** @throws {SluiceError} UNAVAILABLE when it cannot be sent now. */
  sendToPeer(room: string, message: PeerMessage): void;
}

export interface PlacedSession {
  readonly sessionId: string;
  readonly room: string;
  readonly present: boolean;
  readonly home: Home;
}

export interface NodeView {
  readonly nodeId: string;
  readonly region: string;
  readonly zone: string;
  readonly load: number;
  readonly sessions: number;
  readonly state: 'serving' | 'draining' | 'unknown';
  readonly silenceMs: number;
  /** What a drain still has; undefined while it does not drain. */
  readonly drainRemainingMs: number | undefined;
  /** host:port of the node's gRPC server. */
  readonly grpcAddress: string;
}

export interface StreamView extends RoomStream {
  readonly room: string;
  readonly nodeId: string;
}

export interface RelayView {
  readonly room: string;
  readonly participant: string;
  readonly purpose: string;
  readonly epoch: number;
  readonly from: { readonly nodeId: string; readonly routerId: string };
  readonly to: { readonly nodeId: string; readonly routerId: string };
}

/** A stream that the cluster pulls from elsewhere, such as a camera. */
export interface IngestDefinition {
  readonly ingestId: string;
  readonly room: string;
  readonly participant: string;
  readonly purpose: string;
  readonly username: string;
  /** What may be shown of its URL. */
  readonly address: string;
  readonly onDemand: boolean;
  readonly region: string;
}

export interface IngestView extends IngestDefinition {
  /** Named by configuration: only that ends it. */
  readonly configured: boolean;
  /** Empty while no node runs it. */
  readonly nodeId: string;
  readonly state: 'connecting' | 'running' | 'resting' | 'failed';
  readonly reason: string;
  readonly bitrateBps: number;
}

/** The stream directory. Any call may throw SluiceError. */
export interface Directory {
  /** @throws {SluiceError} CAPACITY_EXHAUSTED when no node may take it. */
  placeSession(room: string, participant: string, excludeNodeIds: readonly string[]): Promise<Home>;
  contentsOf(room: string): Promise<RoomContents>;
  /** @throws {SluiceError} UNAVAILABLE. */
  updateRoom(room: string, update: RoomUpdate): Promise<void>;
  /** The sessions in a room, and on which nodes they are. */
  sessionsIn(room: string): Promise<readonly RoomSessionAt[]>;
  /** The sessions that a signaling connection had opened. */
  sessionsOf(connectionId: string): Promise<readonly PlacedSession[]>;
  nodes(): Promise<readonly NodeView[]>;
  streams(): Promise<readonly StreamView[]>;
  relays(): Promise<readonly RelayView[]>;
  ingests(): Promise<readonly IngestView[]>;
  /** @throws {SluiceError} ALREADY_EXISTS for an id or a stream that another one has. */
  createIngest(definition: IngestDefinition, sealedUrl: string): Promise<void>;
  /** @throws {SluiceError} NOT_FOUND, INVALID_STATE for one that the configuration names. */
  deleteIngest(ingestId: string): Promise<void>;
}

/** In what a session with another server differs from a client's. */
export interface SessionKind {
  /** We called the other side, which may only answer connectivity checks. */
  readonly dials: boolean;
  /** Streams that it may publish; 0 for what clients may. */
  readonly publicationsMax: number;
  /** We are told of which of its streams anybody wants packets. */
  readonly tellsDemand: boolean;
}

export interface SessionOpening extends SessionKind {
  readonly sessionId: string;
  readonly routerId: string;
  readonly room: string;
  readonly participant: string;
  readonly username: string;
  readonly connectionId: string;
  readonly grants: Grants;
  readonly replacesSessionId: string | undefined;
  /** Seen by others as being in the room. */
  readonly present: boolean;
  /** Nobody watches it: it lives while one of its PeerConnections does. */
  readonly unattended: boolean;
}

export interface Subscription {
  readonly participant: string;
  readonly purpose: string;
  /** As the client chose; undefined where the subscription has its own PeerConnection. */
  readonly connection: string | undefined;
}

/** A client's offer on a PeerConnection of its choice. */
export interface OfferedConnection {
  readonly connection: string;
  readonly sdp: string;
  /** Of the stream that new tracks belong to, but for those of `purposes`, by mid. */
  readonly purpose: string;
  readonly purposes?: ReadonlyMap<string, string> | undefined;
}

export interface Negotiated {
  readonly sdp: string;
  readonly tracks: readonly Track[];
}

/** What a session has to say to its client. */
export type SessionNotice =
  | {
      readonly kind: 'snapshot';
      readonly publications: readonly string[];
      readonly subscriptions: readonly Subscription[];
    }
  | { readonly kind: 'offered'; readonly subscription: Subscription; readonly sdp: string }
  /** The PeerConnection itself needs it, not one subscription. */
  | { readonly kind: 'connectionOffered'; readonly connection: string; readonly sdp: string }
  | {
      readonly kind: 'subscriptionEnded';
      readonly subscription: Subscription;
      readonly reason: string;
    }
  | {
      readonly kind: 'trackRefused';
      readonly subscription: Subscription;
      readonly trackId: string;
      readonly mimeType: string;
    }
  | {
      readonly kind: 'channelOpened';
      readonly subscription: Subscription;
      readonly trackId: string;
      readonly streamId: number;
    }
  | {
      readonly kind: 'failed';
      readonly participant: string;
      readonly purpose: string;
      readonly trackId: string | undefined;
      readonly error: SluiceError;
    }
  /** Nobody wants packets of a publication any more, or somebody does again. */
  | { readonly kind: 'demandChanged'; readonly purpose: string; readonly wanted: boolean }
  | { readonly kind: 'move'; readonly reason: string; readonly deadlineMs: number }
  | { readonly kind: 'ended'; readonly reason: string };

export interface Layers {
  readonly spatial: number | undefined;
  readonly temporal: number | undefined;
  readonly paused: boolean | undefined;
  /** Tracks of which nobody behind the client wants packets; undefined leaves it. */
  readonly unwanted?: readonly string[] | undefined;
  /** Tracks that the client is not offered; undefined leaves it. */
  readonly withheld?: readonly string[] | undefined;
}

/** A client that is signaled over a data channel from its first answer on. */
export interface DataChannelClientOpening {
  readonly clientId: string;
  readonly routerId: string;
  /** The room that its token is for, or `*`. */
  readonly room: string;
  readonly participant: string;
  readonly username: string;
  readonly connectionId: string;
  readonly grants: Grants;
  /** For how long it may begin anything new. */
  readonly validMs: number;
  /** Whether only some may enter a room in which nobody is. */
  readonly roomsNeedCreator: boolean;
  /** Its first offer. */
  readonly sdp: string;
}

/** What became of a fragment about ICE; after a restart with ours. */
export type IceUpdate =
  | { readonly kind: 'stale' | 'trickled' }
  | { readonly kind: 'restarted'; readonly fragment: string; readonly usernameFragment: string };

export interface Mute {
  /** Undefined for both. */
  readonly kind: 'audio' | 'video' | undefined;
  readonly muted: boolean;
}

export interface SubscribeHow {
  /** The client knows how to show the old picture until the new one, on another m-line, flows. */
  readonly overlap: boolean;
  /** Makes no offer yet: more follows on that connection. */
  readonly gather: boolean;
  /** The client may publish on that connection too, by offers after its first answer. */
  readonly bothWays: boolean;
  /** Ids of tracks that the client is not offered. */
  readonly withheld?: readonly string[];
}

/** By mid, such as `L3T3_KEY`: what SDP does not tell of VP9 and AV1. */
export type ScalabilityModes = Readonly<Record<string, string>>;

/** A media node, as a gateway uses it. Any call may throw SluiceError. */
/** Hears what a session has to say, in order, the snapshot first. */
export interface SessionListener {
  onNotice(notice: SessionNotice): void;
  /**
   * Once, last, unless the watch was stopped. Without an error, and without `ended` before it, another
   * gateway watches the session instead.
   */
  onOver(error: unknown): void;
}

export interface SessionWatch {
  /** Nothing is heard from then on. */
  stop(): void;
}

export interface MediaNode {
  /** Idempotent by session id. @throws {SluiceError} NODE_DRAINING, CAPACITY_EXHAUSTED. */
  openSession(opening: SessionOpening): Promise<void>;
  /** Our answer. @throws {SluiceError} NODE_DRAINING, CAPACITY_EXHAUSTED, INVALID_ARGUMENT. */
  openDataChannelClient(opening: DataChannelClientOpening): Promise<string>;
  /** Until it is over or stopped. */
  watchSession(sessionId: string, listener: SessionListener): SessionWatch;
  closeSession(sessionId: string, reason: string): Promise<void>;
  publish(
    sessionId: string,
    purpose: string,
    sdp: string,
    scalabilityModes?: ScalabilityModes,
  ): Promise<{ readonly sdp: string; readonly tracks: readonly Track[] }>;
  /** The client's offer in, our answer out, on a PeerConnection that carries media both ways. */
  negotiate(sessionId: string, offered: OfferedConnection): Promise<Negotiated>;
  unpublish(sessionId: string, purpose: string): Promise<void>;
  /** Mutes tracks of that kind, or of both, or no longer. @throws {SluiceError} NOT_FOUND. */
  setMuted(sessionId: string, purpose: string, mute: Mute): Promise<void>;
  /** Our offer; empty when it follows later, because another one of the connection is unanswered. */
  subscribe(sessionId: string, subscription: Subscription, how: SubscribeHow): Promise<string>;
  answer(sessionId: string, subscription: Subscription, sdp: string): Promise<void>;
  /** Our offer on a PeerConnection that has nothing to carry yet but data channels. */
  offerConnection(sessionId: string, connection: string): Promise<string>;
  /** The client's answer to our latest offer on a PeerConnection that it named. */
  answerConnection(sessionId: string, connection: string, sdp: string): Promise<void>;
  /** Our answer to a client that offers to receive. @throws {SluiceError} NOT_FOUND, CANNOT_CONSUME. */
  subscribeByOffer(sessionId: string, subscription: Subscription, sdp: string): Promise<string>;
  unsubscribe(sessionId: string, subscription: Subscription): Promise<void>;
  setLayers(sessionId: string, subscription: Subscription, layers: Layers): Promise<void>;
  restartPublishing(sessionId: string, purpose: string): Promise<void>;
  /** Our new offer. */
  restartSubscribing(sessionId: string, subscription: Subscription): Promise<string>;
  /**
   * Takes a fragment of SDP about ICE of a client with one PeerConnection.
   *
   * @param known which credentials of ours the client knows, by their username fragment, or `*`.
   */
  updateIce(sessionId: string, known: string, fragment: string): Promise<IceUpdate>;
  /** `connection` names the PeerConnection that it is for, where the session has several. */
  addIceCandidate(sessionId: string, candidate: string, connection?: string): Promise<void>;
  statsOf(sessionId: string): Promise<readonly SubscriptionStats[]>;
  /** Takes nothing new, asks every session to move, and ends those that are left at the deadline. */
  drain(deadlineMs: number, reason: string): Promise<void>;
  undrain(): Promise<void>;
}

export type SubscriptionStats = Omit<WireSubscriptionStats, 'publisherId'> & {
  readonly participant: string;
};

export interface MediaNodes {
  at(grpcAddress: string): MediaNode;
}

/** Verifies what clients bring, and issues it. */
export interface TokenAuthority {
  /** @throws {SluiceError} UNAUTHENTICATED saying why, without a word of the token. */
  verify(token: string): Promise<Identity>;
  /** @throws {SluiceError} INVALID_STATE when this cluster only verifies. */
  issue(request: TokenRequest): Promise<string>;
}

export interface ResumeTokens {
  seal(content: ResumeContent): string;
  /** @throws {SluiceError} UNAUTHENTICATED */
  open(token: string): ResumeContent;
}

/** The client's end of one signaling connection. */
export interface Client {
  /** Dropped when the connection is closed already. */
  send(message: ServerMessage): void;
  close(code: number, reason: string): void;
}

/** Runs one request of a client as something that can be told apart from all others. */
export type RequestScope = <T>(type: string, work: () => Promise<T> | T) => Promise<T>;

/** Told what happened, for metrics and the log. */
export interface Observer {
  requestHandled(type: string, outcome: string, durationMs: number): void;
  /** Something failed that the client is not to blame for. */
  trouble(error: unknown, doing: string): void;
}
