// The process that makes joins: many clients that only signal. It is told what to do over its IPC
// channel and ends with it.
import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '@sluice/testing';
import type { Arrivals, JoinOrder, JoinReply, Ticket } from './join-orders.js';
import { Newcomer } from './newcomer.js';

/** Newcomers in a room beside its publisher; the next one makes the oldest leave. */
const SEATS = 4;
const SETTLED_AT_ONCE = 4;

interface Room {
  readonly url: string;
  readonly name: string;
  readonly publisherId: string;
  readonly publisher: Newcomer;
  readonly seated: Newcomer[];
}

const random = seededRandom(1);

process.on('message', (order: JoinOrder) => {
  void obey(order).then(reply, (error: unknown) => reply({ error: String(error) }));
});
process.on('disconnect', () => process.exit(0));

async function obey(order: JoinOrder): Promise<Arrivals> {
  const rooms = await openRooms(order);
  try {
    return await arrive(order, rooms);
  } finally {
    for (const { publisher, seated } of rooms) {
      for (const newcomer of [publisher, ...seated]) newcomer.leave();
    }
  }
}

/** New ones for each order: a server ends a PeerConnection on which nothing ever comes. */
async function openRooms({ url, publishers }: JoinOrder): Promise<readonly Room[]> {
  const rooms = new Map<string, Room>();
  const waiting = publishers.values();
  const opening = async (): Promise<void> => {
    for (const { subject, token } of waiting) {
      const name = `room-of-${subject}`;
      const publisher = await Newcomer.join({ url, token, room: name });
      rooms.set(subject, { url, name, publisherId: subject, publisher, seated: [] });
    }
  };
  await Promise.all(Array.from({ length: SETTLED_AT_ONCE }, opening));
  return publishers.map(({ subject }) => rooms.get(subject)!);
}

/** An open loop: nobody waits for those before, as people do not. */
async function arrive(
  { perSecond, newcomers }: JoinOrder,
  rooms: readonly Room[],
): Promise<Arrivals> {
  const latenciesMs: number[] = [];
  const failures: string[] = [];
  const joining: Promise<void>[] = [];
  let dueMs = performance.now();
  for (const [index, ticket] of newcomers.entries()) {
    dueMs += (-Math.log(1 - random()) * 1_000) / perSecond;
    const waitMs = dueMs - performance.now();
    if (waitMs > 1) await delay(waitMs);
    const expectedMs = dueMs;
    joining.push(
      enter(rooms[index % rooms.length]!, ticket).then(
        () => void latenciesMs.push(performance.now() - expectedMs),
        (error: unknown) => void failures.push(String(error)),
      ),
    );
  }
  await Promise.all(joining);
  return { latenciesMs, failures };
}

async function enter(room: Room, { token }: Ticket): Promise<void> {
  const { url, name, publisherId, seated } = room;
  seated.push(await Newcomer.join({ url, token, room: name, publisherId }));
  if (seated.length > SEATS) seated.shift()?.leave();
}

function reply(message: JoinReply): void {
  process.send?.(message);
}
