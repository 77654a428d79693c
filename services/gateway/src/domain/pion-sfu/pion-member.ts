import { Resource, type ResourceEvents } from '@sluice/core';
import { DEFAULT_PURPOSE } from '@sluice/protocol';
import { Audience } from '../rooms/audience.js';
import { Visit, type VisitPorts, type Visitor } from '../rooms/visit.js';

interface PionMemberEvents extends ResourceEvents {
  offered: [sdp: string];
  interrupted: [reason: string];
}

/** The one PeerConnection of a client in a room. */
const CONNECTION = 'pion';

/**
 * A participant of one room on one PeerConnection: it publishes by its offers, and by ours it is sent
 * every track of everybody else.
 */
export class PionMember extends Resource<PionMemberEvents> {
  #audience: Audience | undefined;
  #negotiating = false;
  /** Our latest offer, which waits until the client has its answer. */
  #held: string | undefined;

  private constructor(
    readonly roomName: string,
    private readonly visitor: Visitor,
    private readonly visit: Visit,
    private readonly ports: VisitPorts,
  ) {
    super();
    this.own(visit);
    visit.on('interrupted', (reason) => this.emit('interrupted', reason));
  }

  static async join(roomName: string, visitor: Visitor, ports: VisitPorts): Promise<PionMember> {
    const visit = await Visit.begin(roomName, visitor, ports);
    return new PionMember(roomName, visitor, visit, ports);
  }

  get participant(): string {
    return this.visitor.identity.subject;
  }

  /** Gives our answer to `send`; our own offers come after it. */
  async negotiate(offer: string, send: (answer: string) => void): Promise<void> {
    this.#negotiating = true;
    try {
      const { session } = this.visit;
      const connection = { connection: CONNECTION, sdp: offer, purpose: DEFAULT_PURPOSE };
      const { sdp } = await session.negotiate(connection);
      if (this.closed) return;
      send(sdp);
      this.#listen();
    } finally {
      this.#negotiating = false;
      const held = this.#held;
      this.#held = undefined;
      if (held !== undefined) this.emit('offered', held);
    }
  }

  /** Begins to send what others publish, once there is a PeerConnection for it. */
  #listen(): void {
    if (this.#audience) return;
    const { session, room } = this.visit;
    const { grants } = this.visitor.identity;
    if (!grants.subscribe && !grants.admin) return;
    const { clock, observer } = this.ports;
    const wants = ({ participant }: { participant: string }) => participant !== this.participant;
    const audience = new Audience({
      session,
      room,
      connection: CONNECTION,
      wants,
      clock,
      observer,
    });
    this.#audience = this.own(audience);
    audience.on('offered', (sdp) => {
      if (this.#negotiating) this.#held = sdp;
      else this.emit('offered', sdp);
    });
    audience.review();
  }

  answer(sdp: string): Promise<void> {
    return this.visit.session.answerConnection(CONNECTION, sdp);
  }

  async addCandidate(candidate: string): Promise<void> {
    const { node, sessionId } = this.visit.session;
    await node.addIceCandidate(sessionId, candidate);
  }
}
