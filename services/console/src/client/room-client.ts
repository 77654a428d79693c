import { delayMs } from './backoff.js';
import { CHAT, Chat, writeLine, type ChatLine } from './chat.js';
import type { PictureCodec, SourceKind } from './encodings.js';
import { Emitter } from './emitter.js';
import { CONNECTION_LOST, type ClientError, codeOf, isTransient, messageOf } from './errors.js';
import type { Quality } from './layers.js';
import { Link, type LinkOptions } from './link.js';
import { Meter, type RoomReading } from './meter.js';
import { Participants } from './participants.js';
import { Publication, type LocalTracks } from './publication.js';
import type { RemoteStream } from './remote-stream.js';
import { publishingPort, subscribingPort } from './room-ports.js';
import type { StreamKey } from './stream-key.js';
import { Subscriber } from './subscriber.js';
import { until } from './until.js';
import type {
  Publisher,
  RoomState,
  ServerMessage,
  ServerMessageOf,
  SubscribeOffer,
  WireParticipant,
} from './wire.js';

export type RoomStatus = 'connecting' | 'joined' | 'reconnecting' | 'left';

export interface RoomClientOptions extends LinkOptions {
  readonly room: string;
  readonly codec: PictureCodec;
}

interface RoomClientEvents {
  statusChanged: [status: RoomStatus];
  /** Participants, streams, tracks or the node are others now. */
  changed: [];
  /** Loudest first, as the server heard them just now. */
  speakersChanged: [participants: readonly string[]];
  /** Somebody else has written a line. */
  lineWritten: [line: ChatLine];
  /** Once a second while joined. */
  measured: [reading: RoomReading];
  /** Something went wrong that the user should know of; the call goes on. */
  noticed: [message: string];
  /** The call is over and cannot be brought back. */
  failed: [error: ClientError];
}

type Reactions = {
  readonly [Type in ServerMessage['type']]?: (message: ServerMessageOf<Type>) => void;
};

const REJOIN = { firstMs: 500, longestMs: 10_000 };
/** Nobody sees or hears us meanwhile; one that is refused costs the servers little. */
const INSIST = { firstMs: 500, longestMs: 3_000 };
/** How long the new PeerConnections of a move may take before the server is left to judge by itself. */
const MOVE_MS = 15_000;

/** One participant in one room: publishes, subscribes to everybody, and stays in whatever fails. */
export class RoomClient extends Emitter<RoomClientEvents> {
  readonly participants = new Participants();
  readonly #link: Link;
  readonly #subscriber: Subscriber;
  readonly #chat: Chat;
  readonly #publications = new Map<string, Publication>();
  readonly #insisting = new Set<Publication>();
  readonly #meter: Meter;
  #status: RoomStatus = 'connecting';
  #node: string | undefined;
  #selfId: string | undefined;
  #rejoining = false;
  #moves = 0;

  /** Messages without a reaction are for other uses, or of later versions. */
  readonly #reactions: Reactions = {
    'new-publisher': (publisher) => this.#refresh(publisher),
    'publisher-changed': (publisher) => this.#refresh(publisher),
    'publisher-left': (publisher) => {
      if (isChat(publisher)) this.#chat.remove(publisher);
      else this.#subscriber.remove(publisher);
    },
    'subscribe-offer': (offer) => this.#answer(offer),
    'data-channel': (message) => this.#chat.nameChannel(message),
    'user-joined': ({ user }) => this.#changeParticipants(() => this.participants.add(user)),
    'user-left': ({ userId }) => this.#changeParticipants(() => this.participants.remove(userId)),
    'active-speakers': ({ speakers }) => this.#tellSpeakers(speakers.map(({ userId }) => userId)),
    move: () => void this.#move(),
    'room-left': () => void this.#rejoin(),
    error: (error) => this.#handleError(error),
  };

  constructor(private readonly options: RoomClientOptions) {
    super();
    this.#link = new Link(options);
    this.#subscriber = new Subscriber(subscribingPort(this.#link, options.room));
    this.#chat = new Chat(subscribingPort(this.#link, options.room));
    this.#meter = new Meter({
      room: options.room,
      link: this.#link,
      subscriber: this.#subscriber,
      publications: () =>
        [...this.#publications.values()].filter(({ purpose }) => purpose !== CHAT),
    });
    this.#listen();
  }

  get status(): RoomStatus {
    return this.#status;
  }

  /** The node that this client's media goes to. */
  get node(): string | undefined {
    return this.#node;
  }

  /** This client's own participant, once joined. */
  get selfId(): string | undefined {
    return this.#selfId;
  }

  get streams(): readonly RemoteStream[] {
    return this.#subscriber.streams;
  }

  /** Throws what the server says when the room cannot be entered. */
  async join(): Promise<void> {
    await this.#link.open();
    const state = await this.#enter();
    this.#reconcile(state.publishers);
    this.#setStatus('joined');
    this.#meter.start();
  }

  /** Sends these tracks under `purpose` from now on; none at all ends the publication. */
  async publish(purpose: string, source: SourceKind, tracks: LocalTracks): Promise<void> {
    let publication = this.#publications.get(purpose);
    if (!publication) {
      const port = publishingPort(this.#link, this.options.room);
      publication = new Publication(purpose, source, this.options.codec, port);
      this.#publications.set(purpose, publication);
    }
    try {
      await publication.setTracks(tracks);
    } catch (error) {
      if (isTransient(error)) void this.#insist(publication);
      throw error;
    }
  }

  /** Has a data channel ready for what one writes. */
  openChat(): Promise<void> {
    return this.publish(CHAT, 'camera', { channel: CHAT });
  }

  write(line: Pick<ChatLine, 'id' | 'text'>): void {
    this.#publications.get(CHAT)?.write(writeLine(line));
  }

  setQuality(key: StreamKey, quality: Quality): void {
    this.#subscriber.updateLayers(key, { quality });
    this.emit('changed');
  }

  /** Tells how large a stream is shown, so that no larger picture is fetched. */
  setShownWidth(key: StreamKey, widthPx: number): void {
    this.#subscriber.updateLayers(key, { shownWidthPx: widthPx });
  }

  /** The machine has just come online. */
  hurry(): void {
    this.#link.hurry();
  }

  leave(): void {
    this.#link.send({ type: 'leave-room', roomName: this.options.room });
    this.#end();
  }

  #end(): void {
    this.#meter.stop();
    this.#link.close();
    this.#subscriber.close();
    this.#chat.close();
    for (const publication of this.#publications.values()) publication.close();
    this.#publications.clear();
    this.#setStatus('left');
  }

  #listen(): void {
    this.#link.on('message', (message) => this.#handle(message));
    this.#link.on('lost', () => this.#setStatus('reconnecting'));
    this.#link.on('resumed', (resumed) => void this.#resume(resumed));
    this.#link.on('renewed', () => void this.#rejoin());
    this.#link.on('failed', (error) => {
      this.#end();
      this.emit('failed', error);
    });
    this.#subscriber.on('changed', () => this.emit('changed'));
    this.#subscriber.on('refused', ({ username }, message) =>
      this.emit('noticed', `${username} cannot be shown: ${message}`),
    );
    this.#chat.on('line', (line) => this.emit('lineWritten', line));
    this.#meter.on('measured', (reading) => {
      this.#node = reading.node ?? this.#node;
      this.emit('measured', reading);
    });
  }

  async #enter(): Promise<RoomState> {
    const roomName = this.options.room;
    const joined = await this.#link.request({ type: 'join-room', roomName }, ['room-joined']);
    this.#selfId = String(joined.userId);
    this.#take(joined);
    return joined;
  }

  #take(state: RoomState): void {
    this.#node = state.node;
    this.participants.reset(state.participants);
    this.emit('changed');
  }

  async #resume({ rooms }: ServerMessageOf<'resumed'>): Promise<void> {
    const ours = rooms.find(({ roomName }) => roomName === this.options.room);
    if (!ours) {
      await this.#rejoin();
      return;
    }
    this.#take(ours);
    this.#reconcile(ours.publishers);
    this.#setStatus('joined');
    await this.#heal();
  }

  /** What lost contact, or could not be said, while there was no way to say it is made good. */
  async #heal(): Promise<void> {
    this.#subscriber.heal();
    const publications = [...this.#publications.values()];
    await this.#republish(publications.filter(({ healthy }) => !healthy));
  }

  /** Establishes everything on the room's new session, while the old one goes on. */
  async #move(): Promise<void> {
    this.#moves += 1;
    const move = this.#moves;
    // One that is under way is for the session before; it does not reach this one's.
    if (!(await until(() => !this.#rejoining, MOVE_MS)) || move !== this.#moves) return;
    this.#subscriber.renew(this.streams.map(({ name, username }) => ({ ...name, username })));
    this.#chat.renew(this.#chat.publishers);
    await this.#republish([...this.#publications.values()]);
    const arrived = () =>
      this.#subscriber.settled && [...this.#publications.values()].every(({ healthy }) => healthy);
    const done = await until(() => move !== this.#moves || arrived(), MOVE_MS);
    if (!done || move !== this.#moves || this.#status !== 'joined') return;
    this.#link.send({ type: 'moved', roomName: this.options.room });
  }

  /** Has a new session in the room; sends and receives everything again. Tries until it works. */
  async #rejoin(): Promise<void> {
    if (this.#rejoining) return;
    this.#rejoining = true;
    try {
      for (let attempt = 0; this.#status !== 'left'; attempt += 1) {
        if (await this.#tryRejoin(attempt)) return;
      }
    } finally {
      this.#rejoining = false;
    }
  }

  /** Whether no further attempt is needed. */
  async #tryRejoin(attempt: number): Promise<boolean> {
    if (attempt > 0) {
      const waitMs = delayMs(attempt, REJOIN, Math.random);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    try {
      const state = await this.#enter();
      this.#subscriber.renew(state.publishers.filter((publisher) => !isChat(publisher)));
      this.#chat.renew(state.publishers.filter(isChat));
      this.#setStatus('joined');
    } catch (error) {
      this.#setStatus('reconnecting');
      // Without a socket the link begins again, and says so when it has one.
      if (codeOf(error) === CONNECTION_LOST) return true;
      this.emit('noticed', messageOf(error));
      return false;
    }
    await this.#republish([...this.#publications.values()]);
    return true;
  }

  async #republish(publications: readonly Publication[]): Promise<void> {
    const replaced = publications.map(async (publication) => {
      try {
        await publication.replace();
      } catch (error) {
        if (codeOf(error) === CONNECTION_LOST) return;
        this.emit('noticed', `You cannot be seen or heard just now: ${messageOf(error)}`);
        // Its name may still be held by a session that is about to be given up.
        if (isTransient(error) || codeOf(error) === 'ALREADY_EXISTS')
          void this.#insist(publication);
      }
    });
    await Promise.all(replaced);
  }

  /** Tries to publish until it works, the room is lost, or something else made it work. */
  async #insist(publication: Publication): Promise<void> {
    if (this.#insisting.has(publication)) return;
    this.#insisting.add(publication);
    for (let attempt = 1; ; attempt += 1) {
      const waitMs = delayMs(attempt, INSIST, Math.random);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      if (this.#status !== 'joined' || publication.healthy) break;
      const done = await publication.replace().then(
        () => true,
        () => false,
      );
      if (done) break;
    }
    this.#insisting.delete(publication);
  }

  #handle(message: ServerMessage): void {
    if ('roomName' in message && message.roomName !== this.options.room) return;
    if (!Object.hasOwn(this.#reactions, message.type)) return;
    const react = this.#reactions[message.type] as ((message: ServerMessage) => void) | undefined;
    react?.(message);
  }

  #changeParticipants(change: () => void): void {
    change();
    this.emit('changed');
  }

  #tellSpeakers(speakers: readonly WireParticipant[]): void {
    this.emit('speakersChanged', speakers.map(String));
  }

  #refresh(publisher: Publisher): void {
    if (isChat(publisher)) this.#chat.add(publisher);
    else this.#subscriber.refresh(publisher);
  }

  #reconcile(publishers: readonly Publisher[]): void {
    this.#subscriber.reconcile(publishers.filter((publisher) => !isChat(publisher)));
    this.#chat.reconcile(publishers.filter(isChat));
  }

  #answer(offer: SubscribeOffer): void {
    const { purpose } = offer;
    const receiver = purpose === CHAT ? this.#chat : this.#subscriber;
    receiver.handleOffer(offer).catch((error: unknown) => {
      if (codeOf(error) !== CONNECTION_LOST) this.emit('noticed', messageOf(error));
    });
  }

  #handleError({ message, publisherId, purpose }: ServerMessageOf<'error'>): void {
    if (publisherId === undefined || purpose === undefined || purpose === CHAT) {
      this.emit('noticed', message);
    } else this.#subscriber.again({ publisherId, purpose });
  }

  #setStatus(status: RoomStatus): void {
    if (this.#status === status || this.#status === 'left') return;
    this.#status = status;
    this.emit('statusChanged', status);
  }
}

function isChat({ purpose }: { readonly purpose: string }): boolean {
  return purpose === CHAT;
}
