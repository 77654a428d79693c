import { DEFAULT_PURPOSE, SluiceError, hasCode, type StreamName } from '@sluice/core';
import type { Grants, Identity, ResourceContent } from '@sluice/tokens';
import { isAnonymous } from '../access/access.js';
import { openSession, type SessionPorts } from './open-session.js';
import { requireFresh, requireGrant, requireRoom } from '../access/permissions.js';
import type { IceUpdate, MediaNode } from '../ports.js';
import type { Session } from './session.js';

export interface ResourceNames {
  seal(content: ResourceContent): string;
  /** @throws {SluiceError} UNAUTHENTICATED */
  open(sealed: string): ResourceContent;
}

export interface ResourceSessionsPorts extends SessionPorts {
  readonly resourceNames: ResourceNames;
  readonly nowS: () => number;
}

export type HttpDialect = 'whip' | 'whep';
type RoomStreamName = Omit<StreamName, 'room'>;

type ResourceDialect = ResourceContent['dialect'];

/** A session that was made, and how its client names it from now on. */
export interface Made {
  readonly sdp: string;
  readonly resource: string;
  /** Ours, because what the client offered takes nothing of the stream. */
  readonly isCounterOffer?: true;
}

const ONE_OFFER = { overlap: false, gather: false, bothWays: false } as const;
const GRANT: Record<ResourceDialect, keyof Grants> = {
  whip: 'publish',
  whep: 'subscribe',
  offered: 'subscribe',
};
/** The one PeerConnection of a session whose first offer is ours. */
const OFFERED = 'offered';
const STREAMS_MAX = 32;

/**
 * Sessions of clients that speak HTTP alone. Nobody watches them: each lives while its PeerConnection
 * does. Its name is signed and says on which node it is, so that any gateway can serve it.
 */
export class ResourceSessions {
  constructor(private readonly ports: ResourceSessionsPorts) {}

  /** Publishes a stream: the client's offer in, our answer out. */
  async publish(identity: Identity, stream: StreamName, sdp: string): Promise<Made> {
    this.#admit(identity, 'whip', stream.room);
    const publisher = publisherOf(identity, stream.participant);
    return this.#make(identity, 'whip', stream, publisher, (session) =>
      session.node.publish(session.sessionId, stream.purpose, sdp).then((answer) => answer.sdp),
    );
  }

  /**
   * Plays a stream: the client's offer in, our answer out. Without an offer ours is out, and
   * {@link answer} follows; so it does where the client's offer takes nothing of the stream.
   *
   * @throws {SluiceError} NOT_FOUND when nobody publishes it now.
   */
  async play(identity: Identity, stream: StreamName, sdp: string): Promise<Made> {
    this.#admit(identity, 'whep', stream.room);
    try {
      return await this.#play(identity, stream, sdp);
    } catch (error) {
      if (sdp === '' || !hasCode(error, 'CANNOT_CONSUME')) throw error;
      return { ...(await this.#play(identity, stream, '')), isCounterOffer: true };
    }
  }

  #play(identity: Identity, stream: StreamName, sdp: string): Promise<Made> {
    return this.#make(identity, 'whep', stream, identity, async ({ node, sessionId }) => {
      const subscription = { ...stream, connection: undefined };
      if (sdp !== '') return node.subscribeByOffer(sessionId, subscription, sdp);
      const offer = await node.subscribe(sessionId, subscription, ONE_OFFER);
      if (offer !== '') return offer;
      throw new SluiceError('NOT_FOUND', 'the stream has no tracks just now');
    });
  }

  /**
   * A session in a room whose first offer we make: of the streams that are named, or of all there
   * are. Who comes first into a room is offered data channels alone, and may publish then.
   *
   * @throws {SluiceError} NOT_FOUND when nobody publishes what was named.
   */
  async join(
    identity: Identity,
    room: string,
    wanted: readonly RoomStreamName[] | undefined,
  ): Promise<Made> {
    this.#admit(identity, 'offered', room);
    const { streams } = await this.ports.directory.contentsOf(room);
    const others = streams.filter(({ participant }) => participant !== identity.subject);
    const [last, ...rest] = (wanted ?? others).slice(0, STREAMS_MAX).toReversed();
    const { participant = identity.subject, purpose = DEFAULT_PURPOSE } = last ?? {};
    const stream = { room, participant, purpose };
    return this.#make(identity, 'offered', stream, identity, async ({ node, sessionId }) => {
      const subscribe = ({ participant, purpose }: RoomStreamName, gather: boolean) =>
        node.subscribe(
          sessionId,
          { participant, purpose, connection: OFFERED },
          { overlap: false, gather, bothWays: true },
        );
      await Promise.all(rest.map((one) => subscribe(one, true)));
      const offer = last ? await subscribe(last, false) : '';
      if (offer !== '') return offer;
      if (wanted) throw new SluiceError('NOT_FOUND', 'the streams have no tracks just now');
      return node.offerConnection(sessionId, OFFERED);
    });
  }

  /** Completes {@link join}. Whoever was handed the session's name may: it cannot be guessed. */
  async answerOffered(resource: string, sdp: string): Promise<void> {
    const { content, node } = await this.#locate('offered', resource);
    await node.answerConnection(content.sessionId, OFFERED, sdp);
  }

  /**
   * The client's offer on the PeerConnection that {@link join} began: new tracks are published.
   *
   * @throws {SluiceError} PERMISSION_DENIED where the token for the session does not let it publish.
   */
  async offerBack(resource: string, purpose: string, sdp: string): Promise<string> {
    const { content, node } = await this.#locate('offered', resource);
    const offered = { connection: OFFERED, sdp, purpose };
    return (await node.negotiate(content.sessionId, offered)).sdp;
  }

  /** Idempotent. */
  async endOffered(resource: string): Promise<void> {
    const { content, node } = await this.#locate('offered', resource);
    await node.closeSession(content.sessionId, 'requested');
  }

  /** The client's answer to our offer. */
  async answer(identity: Identity, resource: string, sdp: string): Promise<void> {
    const { content, node } = await this.#find(identity, 'whep', resource);
    await node.answer(content.sessionId, { ...content.stream, connection: undefined }, sdp);
  }

  /** @throws {SluiceError} NOT_FOUND when the session is over. */
  async updateIce(
    identity: Identity,
    dialect: HttpDialect,
    resource: string,
    ice: { readonly known: string; readonly fragment: string },
  ): Promise<IceUpdate> {
    const { content, node } = await this.#find(identity, dialect, resource);
    return node.updateIce(content.sessionId, ice.known, ice.fragment);
  }

  /** Idempotent. */
  async end(identity: Identity, dialect: HttpDialect, resource: string): Promise<void> {
    const { content, node } = await this.#find(identity, dialect, resource);
    await node.closeSession(content.sessionId, 'requested');
  }

  #admit(identity: Identity, dialect: ResourceDialect, room: string): void {
    requireFresh(identity, this.ports.nowS());
    requireRoom(identity, room);
    requireGrant(identity, GRANT[dialect]);
  }

  async #make(
    identity: Identity,
    dialect: ResourceDialect,
    stream: StreamName,
    participant: Identity,
    negotiate: (session: Session) => Promise<string>,
  ): Promise<Made> {
    const session = await openSession(
      {
        connectionId: this.ports.newId(),
        identity: participant,
        room: stream.room,
        // Those who publish are seen, an audience is not.
        present: dialect !== 'whep',
        unattended: true,
      },
      [],
      this.ports,
    );
    const { sessionId, home } = session;
    try {
      const sdp = await negotiate(session);
      const subject = isAnonymous(identity) ? undefined : identity.subject;
      const content = { dialect, nodeId: home.nodeId, sessionId, stream, subject };
      return { sdp, resource: this.ports.resourceNames.seal(content) };
    } catch (error) {
      session.node.closeSession(sessionId, 'refused').catch((failure: unknown) => {
        this.ports.observer.trouble(failure, 'ending a refused session');
      });
      throw error;
    } finally {
      session.close();
    }
  }

  async #find(
    identity: Identity,
    dialect: ResourceDialect,
    resource: string,
  ): Promise<{ content: ResourceContent; node: MediaNode }> {
    const content = this.#open(dialect, resource);
    const own = isAnonymous(identity)
      ? content.subject === undefined
      : content.subject === identity.subject;
    if (!own && !identity.grants.admin) {
      throw new SluiceError('PERMISSION_DENIED', 'this session is not yours');
    }
    requireRoom(identity, content.stream.room);
    requireGrant(identity, GRANT[dialect]);
    return this.#at(content);
  }

  #locate(dialect: ResourceDialect, resource: string) {
    return this.#at(this.#open(dialect, resource));
  }

  async #at(content: ResourceContent): Promise<{ content: ResourceContent; node: MediaNode }> {
    const nodes = await this.ports.directory.nodes();
    const home = nodes.find(({ nodeId }) => nodeId === content.nodeId);
    if (!home) throw gone();
    return { content, node: this.ports.nodes.at(home.grpcAddress) };
  }

  #open(dialect: ResourceDialect, resource: string): ResourceContent {
    const content = this.#unseal(resource);
    if (content.dialect !== dialect) throw gone();
    return content;
  }

  #unseal(resource: string): ResourceContent {
    try {
      return this.ports.resourceNames.open(resource);
    } catch (error) {
      throw hasCode(error, 'UNAUTHENTICATED') ? gone() : error;
    }
  }
}

/** Who publishes: the token's subject, unless it is an administrator's or nobody's. */
function publisherOf(identity: Identity, participant: string): Identity {
  if (participant === identity.subject) return identity;
  if (identity.grants.admin || isAnonymous(identity)) {
    return { ...identity, subject: participant, name: participant };
  }
  throw new SluiceError('PERMISSION_DENIED', 'your token is for another participant');
}

function gone(): SluiceError {
  return new SluiceError('NOT_FOUND', 'there is no such session');
}
