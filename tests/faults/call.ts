import { eventually } from '@sluice/testing';
import type { Relay, Stream } from '../cluster-under-test.js';
import type { Caller } from './caller.js';
import type { StreamReading } from './page-probe.js';

/** Half a second of sound. */
const PACKETS_TO_HEAR = 25;
const FRAMES_TO_SEE = 5;
/** Far longer than any promise: who is not back by then does not come back. */
const RECOVERY_MS = 40_000;

/** What the cluster says of the room. */
export interface RoomReport {
  streams(): Promise<readonly Stream[]>;
  relays(): Promise<readonly Relay[]>;
}

/** People in one room who hear each other; the first one has a camera. */
export class Call {
  constructor(
    readonly room: string,
    readonly callers: readonly Caller[],
    private readonly report: RoomReport,
  ) {}

  /** The same call with one more. */
  with(late: Caller): Call {
    return new Call(this.room, [...this.callers, late], this.report);
  }

  /** Waits until everybody gets new sound of everybody else, and new pictures of the first one. */
  async plays(): Promise<void> {
    await Promise.all(this.callers.map((caller) => this.receives(caller)));
  }

  /** The home of each. */
  nodes(): Promise<readonly string[]> {
    return Promise.all(this.callers.map((caller) => caller.node()));
  }

  /** Waits until one of them gets new sound of everybody else, and new pictures of the first one. */
  async receives(caller: Caller): Promise<void> {
    const others = this.callers.filter((other) => other !== caller).map(({ name }) => name);
    const camera = this.callers[0]?.name ?? '';
    const packetsBefore = await this.#packetsOf(caller);
    const framesBefore = (await caller.framesDecoded()).get(camera) ?? 0;
    await eventually(async () => {
      const packets = await this.#packetsOf(caller);
      const silent = others.find(
        (name) => (packets.get(name) ?? 0) < (packetsBefore.get(name) ?? 0) + PACKETS_TO_HEAR,
      );
      if (silent !== undefined) return `${caller.name} does not hear ${silent}`;
      if (camera === caller.name) return undefined;
      const frames = (await caller.framesDecoded()).get(camera) ?? 0;
      return frames >= framesBefore + FRAMES_TO_SEE
        ? undefined
        : `${caller.name} does not see ${camera}`;
    }, RECOVERY_MS).catch(async (error: unknown) => {
      throw new Error(`${String(error)}; ${await this.#whereabouts(caller)}`);
    });
  }

  /** For whoever looks into it. */
  async #whereabouts(caller: Caller): Promise<string> {
    const packets = Object.fromEntries(await this.#packetsOf(caller));
    const [nodes, relays] = [await this.nodes(), await this.report.relays()];
    return JSON.stringify({ packets, sources: await caller.sources(), nodes, relays });
  }

  /** Waits until the directory lists exactly the streams that there are, where they are. */
  async isListedAsItIs(): Promise<void> {
    await eventually(async () => {
      const nodes = await Promise.all(
        this.callers.map(async (caller) => `${caller.name} on ${await caller.node()}`),
      );
      const listed = (await this.report.streams()).map(
        ({ participant, node }) => `${participant} on ${node}`,
      );
      const [there, said] = [nodes, listed].map((rows) => rows.toSorted().join(', '));
      return there === said ? undefined : `there are ${there}; listed are ${said}`;
    }, RECOVERY_MS);
  }

  /** Whom any page has seen leave since its start. */
  async departuresSeen(): Promise<number> {
    const readings = await Promise.all(this.callers.map((caller) => caller.signaling()));
    const said = readings.flatMap(({ messages }) => messages);
    return said.filter(({ type }) => type === 'user-left').length;
  }

  async beginGaps(): Promise<void> {
    await Promise.all(this.callers.map((caller) => caller.beginGaps()));
  }

  /** The longest time without sound (or pictures) at each caller, of whomever it hears (or sees). */
  async gapsMs(kind: 'audio' | 'video' = 'audio'): Promise<Readonly<Record<string, number>>> {
    const gaps = this.callers.map(async (caller) => {
      const streams = (await caller.gaps()).filter(
        (reading) => reading.kind === kind && this.#publisherOf(reading.stream),
      );
      return [
        caller.name,
        Math.max(0, ...streams.map(({ longestGapMs }) => longestGapMs)),
      ] as const;
    });
    return Object.fromEntries(await Promise.all(gaps));
  }

  /** For whoever looks into a gap: when each began, and what pages were told, in order. */
  async history(): Promise<Readonly<Record<string, unknown>>> {
    const told = this.callers.map(async (caller) => {
      const { messages, said } = await caller.signaling();
      const gaps = (await caller.gaps()).map(
        ({ stream, kind, longestGapMs, longestGapAtMs }) =>
          `${this.#publisherOf(stream) ?? stream} ${kind}: ${longestGapMs.toFixed()} from ${longestGapAtMs.toFixed()}`,
      );
      const since = [...messages, ...said.map((one) => ({ ...one, type: `> ${one.type}` }))]
        .filter(({ atMs }) => atMs > 0)
        .sort((one, other) => one.atMs - other.atMs);
      return [
        caller.name,
        {
          gaps,
          told: since.map(({ type, code, about, atMs }) =>
            [atMs.toFixed(), type, code, about].filter(Boolean).join(' '),
          ),
        },
      ] as const;
    });
    return Object.fromEntries(await Promise.all(told));
  }

  /** The longest time that one caller was without sound of another. */
  async gapBetweenMs(listener: Caller, publisher: Caller): Promise<number> {
    const ofPublisher = soundOf(await listener.gaps()).find(
      ({ stream }) => this.#publisherOf(stream) === publisher.name,
    );
    return ofPublisher?.longestGapMs ?? Infinity;
  }

  async close(): Promise<void> {
    await Promise.all(this.callers.map((caller) => caller.close()));
  }

  #publisherOf(stream: string): string | undefined {
    return this.callers.find(({ name }) => stream.includes(`-${name}-`))?.name;
  }

  async #packetsOf(caller: Caller): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    for (const { stream, packets } of await caller.sounds()) {
      const name = this.#publisherOf(stream) ?? '';
      counts.set(name, (counts.get(name) ?? 0) + packets);
    }
    return counts;
  }
}

function soundOf(readings: readonly StreamReading[]): readonly StreamReading[] {
  return readings.filter(({ kind }) => kind === 'audio');
}
