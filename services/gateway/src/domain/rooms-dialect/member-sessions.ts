import { Resource, SluiceError, isByHost, type ResourceEvents, type Timer } from '@sluice/core';
import type { SessionOwner, SessionPorts } from '../sessions/open-session.js';
import { PeerConnections } from '../sessions/peer-connections.js';
import type { SessionNotice, Subscription } from '../ports.js';
import { replaceSession } from '../sessions/replace-session.js';
import { NODE_LOST, type Session } from '../sessions/session.js';

type Notice<Kind extends SessionNotice['kind']> = Extract<SessionNotice, { kind: Kind }>;

/** Why the current session must be replaced, and how long it still works. */
export interface Move {
  readonly reason: string;
  readonly deadlineMs: number;
}

interface Cause extends Move {
  /** Not on the same node again, if there is another. */
  readonly elsewhere: boolean;
  /** Nothing of the session works any more. */
  readonly lost: boolean;
}

interface MemberSessionsEvents extends ResourceEvents {
  offered: [notice: Notice<'offered'>];
  /** Of a stream that the current session does not have either. */
  subscriptionEnded: [notice: Notice<'subscriptionEnded'>];
  /** The client takes the rest of the stream alone. */
  trackRefused: [notice: Notice<'trackRefused'>];
  channelOpened: [notice: Notice<'channelOpened'>];
  failed: [notice: Notice<'failed'>];
  /** Another session is the current one, and knows nothing of the client's PeerConnections yet. */
  moved: [move: Move];
  /** Another gateway has resumed the connection. */
  takenOver: [];
  /** No session is left, and none can be had. Then it closes. */
  lost: [error: unknown];
}

export interface MemberSessionsOptions {
  readonly owner: SessionOwner;
  readonly ports: SessionPorts;
  /** Which session publishes the member's stream of that purpose, as far as the room knows. */
  readonly holderOf: (purpose: string) => string | undefined;
}

/** A session that the client moves away from: what it has there works until it ends. */
interface Former {
  readonly session: Session;
  /** Whether the client was told of the move that made it a former one. */
  readonly told: boolean;
  readonly deadline: Timer;
  /** Since when the client has everything on the current session as well. */
  readonly settledAtMs?: number | undefined;
}

/** A session that ends this often is not replaced again: what kills it would go on. */
const LOSSES_MAX = 3;
const LOSSES_WINDOW_MS = 30_000;
/** How long a place is looked for when there is nothing to fall back to. */
const PATIENCE_MS = 15_000;
const REVIEW_INTERVAL_MS = 1_000;
/** A client that does not say `moved` has this long to connect what it negotiated. */
const LINGER_MS = 5_000;
/** For a session of a resumed connection whose node has not said yet how long it has. */
const UNTOLD_DEADLINE_MS = 10_000;

/**
 * The sessions of one member in one room: the current one, where all that is new goes, and those it
 * moves away from, where its older PeerConnections work until they are replaced. The streams of the
 * room outlive each of them.
 */
export class MemberSessions extends Resource<MemberSessionsEvents> {
  readonly #peerConnections = new PeerConnections();
  /** The newest first. */
  #formers: readonly Former[] = [];
  #current: Session;
  /** The session that is being replaced. */
  #leaving: Session | undefined;
  #lossesAtMs: readonly number[] = [];
  #recovering = false;
  /** Runs while there are former ones. */
  #reviewing: Timer | undefined;

  /** @param sessions the current one first; any others are being moved away from. */
  constructor(
    sessions: readonly [Session, ...Session[]],
    private readonly options: MemberSessionsOptions,
  ) {
    super();
    const [current, ...formers] = sessions;
    this.#current = current;
    this.#adopt(current);
    for (const session of formers) {
      this.#adopt(session);
      this.#retire(session, UNTOLD_DEADLINE_MS, false);
    }
  }

  get current(): Session {
    return this.#current;
  }

  /** Waits for sessions that are resumed to say how they are; false when none of them is left. */
  async recover(timeoutMs: number): Promise<boolean> {
    this.#recovering = true;
    await Promise.all(
      this.all.map(async (session) => {
        if (!(await session.snapshot(timeoutMs))) session.close('gone');
      }),
    );
    this.#recovering = false;
    return !this.closed && !this.#current.closed;
  }

  /** The current one first. */
  get all(): readonly Session[] {
    return [this.#current, ...this.#formers.map(({ session }) => session)];
  }

  /** The current session, for what is new. @throws {SluiceError} UNAVAILABLE while it is replaced. */
  ready(): Session {
    if (!this.#current.closed) return this.#current;
    throw new SluiceError('UNAVAILABLE', 'your session moves to another node, come again');
  }

  /** Where an offer of the client belongs. */
  forOffer(sdp: string): Session {
    const known = this.#peerConnections.sessionOf(sdp);
    const session = known && !known.closed ? known : this.ready();
    this.#peerConnections.belongs(sdp, session);
    return session;
  }

  /** Where an answer belongs. @throws {SluiceError} INVALID_STATE when that session has ended. */
  forAnswer(sdp: string, participant: string, purpose: string): Session {
    const known = this.#peerConnections.sessionOf(sdp);
    if (known?.closed) {
      throw new SluiceError('INVALID_STATE', 'the session of that PeerConnection has ended');
    }
    const asking = this.all.find((session) => session.isUnanswered(participant, purpose));
    const session = known ?? asking ?? this.ready();
    this.#peerConnections.belongs(sdp, session);
    return session;
  }

  /** The newest session with that subscription; the current one where none has it. */
  subscribedTo(participant: string, purpose: string): Session {
    return this.all.find((one) => one.isSubscribed(participant, purpose)) ?? this.ready();
  }

  /** The newest session with that publication; the current one where none has it. */
  publishing(purpose: string): Session {
    return this.all.find(({ publications }) => publications.has(purpose)) ?? this.ready();
  }

  /** A directory takes that boot of a node for lost. */
  suspect(nodeId: string, bootId: string): void {
    const { home } = this.#current;
    if (home.nodeId === nodeId && home.bootId === bootId) this.#current.suspect();
  }

  /** The client has everything where it moved to: what it left can end. */
  finishMove(): void {
    for (const former of this.#formers) if (this.#isRepeated(former)) this.#endFormer(former);
  }

  /** Ends all sessions on their nodes, for everybody to see. */
  leave(): void {
    for (const session of this.all) this.#end(session, 'left');
    this.close('left');
  }

  protected override release(): void {
    this.#reviewing?.cancel();
    for (const { deadline } of this.#formers) deadline.cancel();
  }

  #adopt(session: Session): void {
    this.own(session);
    session.on('offered', (notice) => this.emit('offered', notice));
    session.on('subscriptionEnded', (notice) => {
      if (session === this.#current || !this.#hasNow(notice.subscription)) {
        this.emit('subscriptionEnded', notice);
      }
    });
    session.on('trackRefused', (notice) => {
      if (session === this.#current) this.emit('trackRefused', notice);
    });
    session.on('channelOpened', (notice) => this.emit('channelOpened', notice));
    session.on('failed', (notice) => this.emit('failed', notice));
    session.on('takenOver', () => {
      this.emit('takenOver');
      this.close('taken over');
    });
    session.on('move', (move) => this.#handleMove(session, move));
    session.on('lost', (reason) => this.#handleLoss(session, reason));
    session.onClosed(() => this.#forget(session));
    session.watch();
  }

  #hasNow({ participant, purpose }: Subscription): boolean {
    return this.#current.isSubscribed(participant, purpose);
  }

  #handleMove(session: Session, move: Move): void {
    const former = this.#formers.find((one) => one.session === session);
    if (former) {
      this.#retire(session, move.deadlineMs, true);
      if (!former.told && !this.#isRepeated(former)) this.emit('moved', move);
    } else if (session === this.#current) {
      const successor = this.#formers.find(({ told }) => !told);
      if (successor) this.#succeed(session, successor, move);
      else void this.#replace(session, { ...move, elsewhere: move.deadlineMs > 0, lost: false });
    }
  }

  /** Of a resumed connection's sessions the wrong one was taken for the current one. */
  #succeed(session: Session, successor: Former, move: Move): void {
    this.#forget(successor.session);
    this.#current = successor.session;
    this.#retire(session, move.deadlineMs, true);
    this.emit('moved', move);
  }

  #handleLoss(session: Session, reason: string): void {
    if (session !== this.#current) return;
    if (isByHost(reason)) {
      this.#giveUp(new SluiceError('PERMISSION_DENIED', reason));
      return;
    }
    if (this.#recovering || this.#leaving === session) return;
    const elsewhere = reason === NODE_LOST;
    void this.#replace(session, { reason, deadlineMs: 0, elsewhere, lost: true });
  }

  async #replace(session: Session, cause: Cause): Promise<void> {
    if (this.#leaving) return;
    this.#leaving = session;
    const { owner, ports } = this.options;
    const { clock, observer } = ports;
    const { reason, deadlineMs, elsewhere } = cause;
    const endMs = clock.nowMs() + deadlineMs;
    try {
      if (cause.lost) this.#countLoss();
      const replacement = {
        leftNodeId: elsewhere ? session.home.nodeId : undefined,
        patienceMs: Math.max(deadlineMs, PATIENCE_MS),
        isOver: () => this.closed,
      };
      const replacesSessionId = this.#publisher().sessionId;
      const next = await replaceSession({ ...owner, replacesSessionId }, replacement, ports);
      this.#leaving = undefined;
      if (this.closed) this.#end(next, 'left');
      else this.#moveTo(next, { reason, deadlineMs: Math.max(0, endMs - clock.nowMs()) });
    } catch (error) {
      this.#leaving = undefined;
      if (this.closed) return;
      observer.trouble(error, 'replacing a session');
      // One that still works goes on; when it ends this begins again.
      if (cause.lost || session.closed) this.#giveUp(error);
    }
  }

  #moveTo(next: Session, move: Move): void {
    const left = this.#current;
    this.#current = next;
    this.#adopt(next);
    if (!left.closed) this.#retire(left, move.deadlineMs, true);
    this.emit('moved', { ...move, deadlineMs: left.closed ? 0 : Math.round(move.deadlineMs) });
  }

  /** The newest session that publishes: it holds the names that the next one takes over. */
  #publisher(): Session {
    return this.all.find(({ publications }) => publications.size > 0) ?? this.#current;
  }

  #countLoss(): void {
    const nowMs = this.options.ports.clock.nowMs();
    const recent = this.#lossesAtMs.filter((atMs) => nowMs - atMs < LOSSES_WINDOW_MS);
    this.#lossesAtMs = [...recent, nowMs];
    if (recent.length < LOSSES_MAX) return;
    throw new SluiceError('UNAVAILABLE', 'sessions of this connection keep ending');
  }

  #giveUp(error: unknown): void {
    this.emit('lost', error);
    this.close('lost');
  }

  /** Makes a session a former one, or gives one that is another deadline. */
  #retire(session: Session, deadlineMs: number, told: boolean): void {
    const known = this.#formers.find((one) => one.session === session);
    known?.deadline.cancel();
    const deadline = this.options.ports.clock.after(deadlineMs, () => this.#end(session, 'moved'));
    const former = { session, told, deadline, settledAtMs: known?.settledAtMs };
    this.#formers = [former, ...this.#formers.filter((one) => one !== known)];
    if (this.closed) return;
    this.#reviewing ??= this.options.ports.clock.every(REVIEW_INTERVAL_MS, () => this.#review());
  }

  #forget(session: Session): void {
    this.#formers.find((one) => one.session === session)?.deadline.cancel();
    this.#formers = this.#formers.filter((one) => one.session !== session);
    const [another] = this.#formers;
    if (!this.#recovering || session !== this.#current || !another) return;
    this.#current = another.session;
    this.#forget(another.session);
  }

  #review(): void {
    if (this.#formers.length === 0) {
      this.#reviewing?.cancel();
      this.#reviewing = undefined;
      return;
    }
    const nowMs = this.options.ports.clock.nowMs();
    this.#formers = this.#formers.map((former) =>
      this.#isSettled(former)
        ? { ...former, settledAtMs: former.settledAtMs ?? nowMs }
        : { ...former, settledAtMs: undefined },
    );
    for (const former of this.#formers) {
      const { settledAtMs = nowMs } = former;
      if (nowMs - settledAtMs >= LINGER_MS) this.#endFormer(former);
    }
  }

  /** Whether all that the client still has there is on the current session as well. */
  #isRepeated({ session }: Former): boolean {
    return (
      [...session.publications].every((purpose) => this.#current.publications.has(purpose)) &&
      session.subscriptions.every((subscription) => this.#hasNow(subscription))
    );
  }

  /** The same, and it is known to have been negotiated and taken over. */
  #isSettled(former: Former): boolean {
    const { session } = former;
    const { holderOf } = this.options;
    return (
      this.#isRepeated(former) &&
      [...session.publications].every((purpose) => holderOf(purpose) !== session.sessionId) &&
      session.subscriptions.every(
        ({ participant, purpose }) => !this.#current.isUnanswered(participant, purpose),
      )
    );
  }

  #endFormer({ session }: Former): void {
    this.#end(session, 'moved');
  }

  #end(session: Session, reason: string): void {
    if (!session.closed) {
      session.node.closeSession(session.sessionId, reason).catch((error: unknown) => {
        this.options.ports.observer.trouble(error, 'closing a session');
      });
    }
    session.close(reason);
  }
}
