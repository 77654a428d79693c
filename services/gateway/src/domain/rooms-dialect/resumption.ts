import { toWireParticipant, type ServerMessageOf } from '@sluice/protocol';
import { Membership, type Member, type MembershipPorts } from './membership.js';
import type { PlacedSession } from '../ports.js';
import { Session } from '../sessions/session.js';

/** The places in rooms that a connection had, as far as their sessions are still there. */
export async function resumeMemberships(
  placed: readonly PlacedSession[],
  member: Member,
  ports: MembershipPorts,
): Promise<Membership[]> {
  const byRoom = Map.groupBy(placed, ({ room }) => room);
  const resumed = await Promise.all(
    [...byRoom].map(([room, there]) => {
      const sessions = there.map(({ sessionId, home }) => {
        const node = ports.nodes.at(home.grpcAddress);
        return new Session(sessionId, home, node, ports.clock);
      });
      return Membership.resume(room, sessions, member, ports);
    }),
  );
  return resumed.filter((membership) => membership !== undefined);
}

/** What is still there of a room. While it moves, what the client had before counts as well. */
export function roomResumed(membership: Membership): ServerMessageOf<'resumed'>['rooms'][number] {
  const { all } = membership.sessions;
  const subscriptions = new Map(
    all
      .flatMap((session) => session.subscriptions)
      .toReversed()
      .map((one) => [`${one.participant}\n${one.purpose}`, one]),
  );
  return {
    ...membership.state(),
    publications: [...new Set(all.flatMap(({ publications }) => [...publications]))],
    subscriptions: [...subscriptions.values()].map(({ participant, purpose, connection }) => ({
      publisherId: toWireParticipant(participant),
      purpose,
      ...(connection === undefined ? {} : { connection }),
    })),
  };
}
