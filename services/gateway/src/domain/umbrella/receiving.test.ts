import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import type { OfferedConnection } from '../ports.js';
import type { Publisher, RoomView } from '../rooms/room-view.js';
import type { Session } from '../sessions/session.js';
import { Acceptance } from './acceptance.js';
import { mediaSections } from './media-sections.js';
import type { UmbrellaTrack } from './messages.js';
import { Receiving } from './receiving.js';
import { TrackNames } from './track-names.js';

/** More than any order of what can happen needs. */
const STEPS_MAX = 2_000;
const TRACKS = [{ trackId: 'x', kind: 'video', paused: false, mimeType: 'video/VP8' }] as const;

/** One room; what happens in it is known later, as facts are. */
class Room {
  readonly publishers: Publisher[] = [];
  /** What is so. */
  readonly running = new Set<string>();
  readonly facts: (() => void)[] = [];
  readonly onChanged: (() => void)[] = [];

  begin(participant: string, purpose: string): void {
    const key = `${participant} ${purpose}`;
    if (this.running.has(key)) return;
    this.running.add(key);
    this.#fact(() => {
      this.#forget(participant, purpose);
      this.publishers.push({ participant, purpose, username: participant, tracks: TRACKS });
    });
  }

  /** Streams lose their tracks first. */
  end(participant: string, purpose: string): void {
    if (!this.running.delete(`${participant} ${purpose}`)) return;
    this.#fact(() => {
      this.#forget(participant, purpose);
      this.publishers.push({ participant, purpose, username: participant, tracks: [] });
    });
    this.#fact(() => this.#forget(participant, purpose));
  }

  #forget(participant: string, purpose: string): void {
    const at = this.publishers.findIndex(
      (one) => one.participant === participant && one.purpose === purpose,
    );
    if (at >= 0) this.publishers.splice(at, 1);
  }

  #fact(apply: () => void): void {
    this.facts.push(() => {
      apply();
      for (const listener of this.onChanged) listener();
    });
  }
}

/** A link to a cluster that has the same one track, with that cluster at its other end. */
class Way {
  readonly toUs: (() => Promise<void>)[] = [];
  readonly toPeer: (() => void)[] = [];
  #has = false;
  #sends = false;
  #accepted = false;
  #unreviewed = false;
  readonly #acceptance = new Acceptance();
  readonly #receiving: Receiving;
  readonly #track: UmbrellaTrack;

  constructor(
    private readonly participant: string,
    path: readonly string[],
    private readonly room: Room,
  ) {
    this.#track = { id: 'x', kind: 'video', streamId: 's', umbrellaId: 'x', path };
    const published = new Set<string>();
    const negotiate = (offered: OfferedConnection) => {
      const purposes = new Set(offered.purposes?.values() ?? []);
      for (const purpose of published) if (!purposes.has(purpose)) room.end(participant, purpose);
      for (const purpose of purposes) room.begin(participant, purpose);
      published.clear();
      for (const purpose of purposes) published.add(purpose);
      return Promise.resolve({ sdp: '', tracks: [] });
    };
    this.#receiving = new Receiving({
      session: { negotiate } as unknown as Session,
      names: new TrackNames('a secret of this cluster'),
      roomName: 'room',
      view: room as unknown as RoomView,
      participant,
      sentThere: () => false,
      isOurs: () => true,
      onBegin: () => undefined,
    });
    room.onChanged.push(() => (this.#unreviewed = true));
  }

  /** The peer gets the track, or loses it. */
  set has(has: boolean) {
    this.#has = has;
    this.#announce();
    this.#offer();
  }

  get moves(): (() => unknown)[] {
    const next = <T>(queue: (() => T)[]) => (queue.length === 0 ? [] : [() => queue.shift()!()]);
    const review = this.#unreviewed ? [() => this.#review()] : [];
    return [...next<unknown>(this.toUs), ...next<unknown>(this.toPeer), ...review];
  }

  #announce(): void {
    const tracks = this.#has ? [this.#track] : [];
    this.toUs.push(() => {
      this.#receiving.announce(tracks);
      this.#accept();
      return Promise.resolve();
    });
  }

  #offer(): void {
    const sends = this.#has && this.#accepted;
    if (sends === this.#sends) return;
    this.#sends = sends;
    const direction = sends ? 'sendonly' : 'inactive';
    const sdp = `v=0\r\nm=video 9 x\r\na=mid:0\r\na=msid:s x\r\na=${direction}\r\n`;
    expect(mediaSections(sdp)).toHaveLength(1);
    this.toUs.push(async () => {
      await this.#receiving.answer(sdp);
      this.#unreviewed = true;
    });
  }

  #review(): void {
    this.#unreviewed = false;
    for (const purpose of this.#receiving.dropDuplicates()) {
      this.room.end(this.participant, purpose);
    }
    this.#accept();
  }

  #accept(): void {
    const wanted = this.#receiving.accepted();
    for (const list of this.#acceptance.next(wanted, this.#receiving.takeRefused())) {
      this.toPeer.push(() => {
        this.#accepted = list.length > 0;
        this.#offer();
      });
    }
  }
}

test('in whatever order two ways of a track come and go, it comes once by what is left', async () => {
  const choices = fc.infiniteStream(fc.nat());
  const cases = fc.asyncProperty(choices, fc.boolean(), async (choice, firstIsCutOff) => {
    const room = new Room();
    const direct = new Way('umbrella-trunk', ['clusterA'], room);
    const detour = new Way('umbrella-b', ['clusterA', 'clusterB'], room);
    const cut = firstIsCutOff ? direct : detour;
    const script = [
      () => (direct.has = true),
      () => (detour.has = true),
      () => (cut.has = false),
      () => (cut.has = true),
      () => (cut.has = false),
    ];
    let steps = 0;
    for (; steps < STEPS_MAX; steps += 1) {
      const next = script[0] ? [() => script.shift()!()] : [];
      const fact = room.facts.length > 0 ? [() => room.facts.shift()!()] : [];
      const moves = [...next, ...fact, ...direct.moves, ...detour.moves];
      if (moves.length === 0) break;
      await moves[choice.next().value % moves.length]!();
    }
    expect(steps).toBeLessThan(STEPS_MAX);
    const left = firstIsCutOff
      ? 'umbrella-b umbrella:clusterA+clusterB:x'
      : 'umbrella-trunk umbrella:clusterA:x';
    expect([...room.running]).toEqual([left]);
  });
  await fc.assert(cases, { numRuns: 500 });
});

test('what another link of the same peer still has is passed over, and taken once that is gone', async () => {
  const holders = new Map([['umbrella:clusterA:x', 'the old session']]);
  const known = new Map(holders);
  const published: string[][] = [];
  const receiving = new Receiving({
    session: {
      sessionId: 'the new session',
      negotiate: ({ purposes }: OfferedConnection) => {
        const names = [...(purposes?.values() ?? [])];
        if (names.some((name) => holders.has(name))) {
          return Promise.reject(new SluiceError('ALREADY_EXISTS', 'Stream already exists'));
        }
        published.push(names);
        return Promise.resolve({ sdp: 'answer', tracks: [] });
      },
    } as unknown as Session,
    names: new TrackNames('a secret of this cluster'),
    roomName: 'room',
    view: {
      publishers: [],
      holderOf: (_: string, purpose: string) => known.get(purpose),
    } as unknown as RoomView,
    participant: 'umbrella-trunk',
    sentThere: () => false,
    isOurs: () => true,
    onBegin: () => undefined,
  });
  const track = (id: string): UmbrellaTrack => {
    return { id, kind: 'video', streamId: 's', umbrellaId: id, path: ['clusterA'] };
  };
  const mLine = (id: string) => `m=video 9 x\r\na=mid:${id}\r\na=msid:s ${id}\r\na=sendonly\r\n`;
  receiving.announce([track('x'), track('y')]);
  const offer = `v=0\r\n${mLine('x')}${mLine('y')}`;
  expect(await receiving.answer(offer)).toBe('answer');
  expect(published).toEqual([['umbrella:clusterA:y']]);
  expect(receiving.contested).toBe(true);
  expect([...receiving.takeRefused()]).toEqual(['x']);
  expect(receiving.accepted().map(({ id }) => id)).toEqual(['y']);

  holders.clear();
  known.clear();
  receiving.forgetContested();
  expect(receiving.accepted().map(({ id }) => id)).toEqual(['x', 'y']);
  await receiving.answer(offer);
  expect(published.at(-1)).toEqual(['umbrella:clusterA:x', 'umbrella:clusterA:y']);

  // By a session of which the room has not heard.
  holders.set('umbrella:clusterA:z', 'another session');
  receiving.announce([track('x'), track('y'), track('z')]);
  await receiving.answer(`${offer}${mLine('z')}`);
  expect(published.at(-1)).toEqual(['umbrella:clusterA:x', 'umbrella:clusterA:y']);
});
