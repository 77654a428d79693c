import { Resource, hasCode, type ResourceEvents } from '@sluice/core';
import { toWireParticipant } from '@sluice/protocol';
import type { ServerMessage, ServerMessageOf } from '@sluice/protocol';
import type { Identity } from '@sluice/tokens';
import { MemberSessions } from './member-sessions.js';
import { openSession, type SessionPorts } from '../sessions/open-session.js';
import type { Client, Subscription } from '../ports.js';
import type { Room, Rooms } from '../rooms/room.js';
import { SETTLE_MS, type Publisher, type RoomChange } from '../rooms/room-view.js';
import type { Session } from '../sessions/session.js';
import { changeMessage, participantOf, peerMessage, toPublisher, toUser } from './wire.js';

interface MembershipEvents extends ResourceEvents {
  /** Another gateway has resumed the connection. */
  takenOver: [];
}

export interface MembershipPorts extends SessionPorts {
  readonly rooms: Rooms;
}

export interface Member {
  readonly connectionId: string;
  readonly identity: Identity;
  readonly client: Client;
}

const RESUME_TIMEOUT_MS = 5_000;

/**
 * A connection's place in one room: what it hears of the room, and its sessions there. When the
 * current session must be replaced, the client is asked to establish its PeerConnections again.
 */
export class Membership extends Resource<MembershipEvents> {
  readonly sessions: MemberSessions;
  readonly #room: Room;
  readonly #leaveRoom: () => void;
  #announced = false;
  /** What the session said before the client heard that it is in the room. */
  readonly #held: ServerMessage[] = [];

  private constructor(
    readonly roomName: string,
    private readonly member: Member,
    private readonly ports: MembershipPorts,
    entered: { readonly room: Room; leave(): void },
    sessions: readonly [Session, ...Session[]],
  ) {
    super();
    this.#room = entered.room;
    this.#leaveRoom = () => entered.leave();
    this.sessions = this.own(
      new MemberSessions(sessions, {
        owner: { ...member, room: roomName },
        ports,
        holderOf: (purpose) => this.#room.view.holderOf(this.participant, purpose),
      }),
    );
    this.#listen();
  }

  /** Enters a room with a new session. @throws {SluiceError} when no node takes it. */
  static async open(roomName: string, member: Member, ports: MembershipPorts): Promise<Membership> {
    const entered = ports.rooms.enter(roomName);
    try {
      const [session] = await Promise.all([
        openSession({ ...member, room: roomName }, [], ports),
        entered.room.refresh(),
      ]);
      return new Membership(roomName, member, ports, entered, [session]);
    } catch (error) {
      entered.leave();
      throw error;
    }
  }

  /** Enters a room with sessions that are there already; undefined when all turn out to be gone. */
  static async resume(
    roomName: string,
    placed: readonly Session[],
    member: Member,
    ports: MembershipPorts,
  ): Promise<Membership | undefined> {
    // Of several the newest is the likeliest to be the current one; each node says if it is not.
    const [current, ...formers] = placed.toReversed();
    if (!current) return undefined;
    const entered = ports.rooms.enter(roomName);
    const membership = new Membership(roomName, member, ports, entered, [current, ...formers]);
    const [found] = await Promise.all([
      membership.sessions.recover(RESUME_TIMEOUT_MS),
      entered.room.refresh(),
    ]);
    if (found && !membership.closed) return membership;
    membership.close('gone');
    return undefined;
  }

  get participant(): string {
    return this.member.identity.subject;
  }

  get username(): string {
    return this.member.identity.name;
  }

  hasParticipant(participant: string): boolean {
    return this.#room.view.hasParticipant(participant);
  }

  findPublisher(participant: string, purpose: string): Publisher | undefined {
    return this.#room.view.findPublisher(participant, purpose);
  }

  /** The shared PeerConnection of a subscription that is there. */
  connectionOf(participant: string, purpose: string): string | undefined {
    const session = this.sessions.all.find((one) => one.isSubscribed(participant, purpose));
    return session?.subscriptionTo(participant, purpose).connection;
  }

  /** The room as it is now, without oneself. */
  state(): Pick<
    ServerMessageOf<'room-joined'>,
    'roomName' | 'node' | 'participants' | 'publishers'
  > {
    const { view } = this.#room;
    const other = ({ participant }: { participant: string }) => participant !== this.participant;
    return {
      roomName: this.roomName,
      node: this.sessions.current.home.nodeId,
      participants: view.participants.filter(other).map(toUser),
      publishers: view.publishers.filter(other).map(toPublisher),
    };
  }

  /** Tells the client of every publisher, and from now on of every change. */
  announce(): void {
    for (const publisher of this.state().publishers) {
      const { roomName } = this;
      this.member.client.send({ type: 'new-publisher', roomName, ...publisher });
    }
    if (this.#announced) return;
    this.#announced = true;
    for (const message of this.#held.splice(0)) this.#send(message);
    this.#room.on('changed', this.#onChange);
    this.#room.on('peerMessage', this.#onPeerMessage);
  }

  /** Leaves at once, for everybody to see. */
  leave(): void {
    this.sessions.leave();
    this.close('left');
  }

  /** Closing alone leaves the sessions on their nodes, to be resumed within the grace time. */
  protected override release(): void {
    this.#room.off('changed', this.#onChange);
    this.#room.off('peerMessage', this.#onPeerMessage);
    this.#room.off('nodeLost', this.#onNodeLost);
    this.#leaveRoom();
  }

  readonly #onChange = (change: RoomChange) => {
    if (participantOf(change) !== this.participant) {
      this.#send(changeMessage(this.roomName, change));
    }
  };

  readonly #onPeerMessage = (message: Parameters<typeof peerMessage>[1]) => {
    if (message.to === this.participant) this.#send(peerMessage(this.roomName, message));
  };

  readonly #onNodeLost = (nodeId: string, bootId: string) => {
    this.sessions.suspect(nodeId, bootId);
  };

  #send(message: ServerMessage): void {
    if (this.#announced) this.member.client.send(message);
    else this.#held.push(message);
  }

  #listen(): void {
    const { roomName, sessions } = this;
    sessions.on('offered', ({ subscription, sdp }) => {
      this.#send(subscribeOffer(roomName, subscription, sdp));
    });
    sessions.on('subscriptionEnded', ({ subscription, reason }) => {
      this.#explainEnd(subscription, reason);
    });
    sessions.on('trackRefused', ({ subscription, trackId, mimeType }) => {
      this.#send({
        type: 'error',
        code: 'CANNOT_CONSUME',
        message: `the track ${trackId} is not sent: the answer declines ${mimeType}`,
        roomName,
        publisherId: toWireParticipant(subscription.participant),
        purpose: subscription.purpose,
        trackId,
      });
    });
    sessions.on('channelOpened', ({ subscription, trackId, streamId }) => {
      const { participant, purpose, connection } = subscription;
      const publisherId = toWireParticipant(participant);
      const of = { publisherId, purpose, ...(connection !== undefined && { connection }) };
      this.#send({ type: 'data-channel', roomName, ...of, trackId, streamId });
    });
    sessions.on('failed', ({ participant, purpose, trackId, error: { code, message } }) => {
      const publisherId = toWireParticipant(participant);
      const of = { publisherId, purpose, ...(trackId !== undefined && { trackId }) };
      this.#send({ type: 'error', code, message, roomName, ...of });
    });
    sessions.on('moved', ({ reason, deadlineMs }) => {
      this.#send({ type: 'move', roomName, reason, deadlineMs });
      void this.#room.refresh();
    });
    sessions.on('takenOver', () => {
      this.emit('takenOver');
      this.close('taken over');
    });
    sessions.on('lost', (error) => this.#giveUp(error));
    this.#room.on('nodeLost', this.#onNodeLost);
  }

  /** That a publisher left, the room's news says; only what the client cannot know is told here. */
  #explainEnd({ participant, purpose }: Subscription, reason: string): void {
    this.ports.clock.after(SETTLE_MS, () => {
      if (this.closed || !this.findPublisher(participant, purpose)) return;
      // It has asked again already: where its session was replaced, or it knew by itself.
      if (this.sessions.all.some((session) => session.isSubscribed(participant, purpose))) return;
      this.#send({
        type: 'error',
        code: 'UNAVAILABLE',
        message: `subscription ended: ${reason}`,
        roomName: this.roomName,
        publisherId: toWireParticipant(participant),
        purpose,
      });
    });
  }

  #giveUp(error: unknown): void {
    const { roomName } = this;
    const known = hasCode(error, 'CAPACITY_EXHAUSTED', 'PERMISSION_DENIED');
    const code = known ? error.code : 'UNAVAILABLE';
    const byHost = hasCode(error, 'PERMISSION_DENIED');
    const message = byHost ? error.message : 'your session was lost, join again';
    this.#send({ type: 'error', code, message, roomName });
    this.#send({ type: 'room-left', roomName, userId: toWireParticipant(this.participant) });
    this.close('lost');
  }
}

export function subscribeOffer(
  roomName: string,
  { participant, purpose, connection }: Subscription,
  offer: string,
): ServerMessageOf<'subscribe-offer'> {
  return {
    type: 'subscribe-offer',
    roomName,
    publisherId: toWireParticipant(participant),
    purpose,
    offer,
    ...(connection === undefined ? {} : { connection }),
  };
}
