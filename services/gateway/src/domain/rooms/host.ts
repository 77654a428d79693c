import { HOST_REASONS, SluiceError, hasCode } from '@sluice/core';
import type { Identity } from '@sluice/tokens';
import { requireFresh, requireGrant, requireRoom } from '../access/permissions.js';
import type { Directory, MediaNode, MediaNodes, Mute, RoomSessionAt } from '../ports.js';

export interface HostPorts {
  readonly directory: Directory;
  readonly nodes: MediaNodes;
  readonly nowS: () => number;
}

/** What a room's host may do. It acts on sessions, so whatever dialect they are of. */
export class Host {
  constructor(private readonly ports: HostPorts) {}

  /**
   * Mutes what a participant publishes, whatever its client wants, or no longer.
   *
   * @param purpose of one stream; undefined for all that there are.
   * @throws {SluiceError} NOT_FOUND when it publishes nothing of that.
   */
  async mute(
    identity: Identity,
    room: string,
    participant: string,
    purpose: string | undefined,
    mute: Mute,
  ): Promise<void> {
    this.#admit(identity, room);
    const [{ streams }, sessions] = await Promise.all([
      this.ports.directory.contentsOf(room),
      this.ports.directory.sessionsIn(room),
    ]);
    const concerned = streams.filter(
      (stream) =>
        stream.participant === participant && (purpose ?? stream.purpose) === stream.purpose,
    );
    if (concerned.length === 0) {
      throw new SluiceError('NOT_FOUND', 'the participant publishes no such stream');
    }
    const nodeOf = await this.#nodes();
    await Promise.all(
      concerned.map(async (stream) => {
        const session = sessions.find(({ sessionId }) => sessionId === stream.sessionId);
        const node = session && nodeOf(session);
        if (!node) throw new SluiceError('UNAVAILABLE', 'the stream is moving');
        await node.setMuted(stream.sessionId, stream.purpose, mute);
      }),
    );
  }

  /** Lets in nobody who is not in the room already, or everybody again. */
  async lock(identity: Identity, room: string, locked: boolean): Promise<void> {
    this.#admit(identity, room);
    await this.ports.directory.updateRoom(room, { locked });
  }

  /** Ends all that a participant has in the room. @throws {SluiceError} NOT_FOUND. */
  async remove(identity: Identity, room: string, participant: string): Promise<void> {
    this.#admit(identity, room);
    const sessions = await this.ports.directory.sessionsIn(room);
    const concerned = sessionsOf(participant, sessions);
    if (concerned.length === 0) throw new SluiceError('NOT_FOUND', 'there is nobody of that name');
    for (const removedParticipant of new Set(concerned.map((session) => session.participant))) {
      await this.ports.directory.updateRoom(room, { removedParticipant });
    }
    await this.#close(concerned, HOST_REASONS.removed);
  }

  /** Ends all sessions in the room. */
  async end(identity: Identity, room: string): Promise<void> {
    this.#admit(identity, room);
    await this.#close(await this.ports.directory.sessionsIn(room), HOST_REASONS.ended);
  }

  #admit(identity: Identity, room: string): void {
    requireFresh(identity, this.ports.nowS());
    requireRoom(identity, room);
    requireGrant(identity, 'host');
  }

  async #close(sessions: readonly RoomSessionAt[], reason: string): Promise<void> {
    const nodeOf = await this.#nodes();
    await Promise.all(
      sessions.map(async (session) => {
        try {
          await nodeOf(session)?.closeSession(session.sessionId, reason);
        } catch (error) {
          // It ended by itself meanwhile.
          if (!hasCode(error, 'NOT_FOUND')) throw error;
        }
      }),
    );
  }

  async #nodes(): Promise<(session: RoomSessionAt) => MediaNode | undefined> {
    const { directory, nodes } = this.ports;
    const addresses = new Map(
      (await directory.nodes()).map(({ nodeId, grpcAddress }) => [nodeId, grpcAddress]),
    );
    return ({ nodeId }) => {
      const address = addresses.get(nodeId);
      return address === undefined ? undefined : nodes.at(address);
    };
  }
}

/**
 * What somebody has in a room. A client may be shown as one and watch as another on one connection:
 * unless it is shown as others as well, it goes as a whole.
 */
function sessionsOf(
  participant: string,
  sessions: readonly RoomSessionAt[],
): readonly RoomSessionAt[] {
  const own = sessions.filter((session) => session.participant === participant);
  const connections = new Set(own.map(({ connectionId }) => connectionId));
  const shared = sessions.filter(
    (session) => session.present && session.participant !== participant,
  );
  for (const { connectionId } of shared) connections.delete(connectionId);
  return sessions.filter(
    (session) =>
      session.participant === participant ||
      (!session.present && connections.has(session.connectionId)),
  );
}
