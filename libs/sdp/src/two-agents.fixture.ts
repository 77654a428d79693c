import fc from 'fast-check';
import { generateRouterRtpCapabilities } from 'mediasoup/ortc';
import { parse } from 'sdp-transform';
import { expect } from 'vitest';
import { SdpError } from './errors.js';
import { MEDIA_CODECS, SCTP_PARAMETERS, aTransport, anOutgoingTrack } from './fixtures.js';
import { Negotiation } from './negotiation.js';
import type { AnswerReceived, OfferReceived } from './negotiation-types.js';

type Kind = 'audio' | 'video';
type Description = ReturnType<typeof parse>;

const ROUTER = generateRouterRtpCapabilities(MEDIA_CODECS);
/** What each direction of one side is on the other. */
const ACROSS: Readonly<Record<string, string>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
};

/** One end of a PeerConnection, and what it believes of it. */
class Agent {
  readonly negotiation: Negotiation;
  /** By mid, as this end calls it. */
  readonly sends = new Map<string, Kind>();
  readonly receives = new Map<string, Kind>();
  #version = 0;
  #ssrc = 1_000;

  constructor(ufrag: string) {
    const { iceParameters } = aTransport();
    this.negotiation = new Negotiation({
      transport: aTransport({
        iceParameters: { ...iceParameters, usernameFragment: ufrag },
        sctpParameters: SCTP_PARAMETERS,
      }),
      routerRtpCapabilities: ROUTER,
      bothWays: true,
      // Of one of two: they would call it the same.
      probator: ufrag === 'oneufrag',
      limits: { mLines: 12 },
    });
  }

  send(kind: Kind): void {
    try {
      const mid = this.negotiation.reserve(kind);
      this.#ssrc += 2;
      const encodings = [{ ssrc: this.#ssrc, rtx: { ssrc: this.#ssrc + 1 } }];
      this.negotiation.setSending(mid, anOutgoingTrack(kind, mid, { encodings }));
      this.sends.set(mid, kind);
    } catch (error) {
      if (!(error instanceof SdpError) || error.code !== 'TOO_LARGE') throw error;
    }
  }

  stop(index: number): void {
    const mid = [...this.sends.keys()][index % Math.max(1, this.sends.size)];
    if (mid === undefined) return;
    this.negotiation.stopSending(mid);
    this.sends.delete(mid);
  }

  wantData(): void {
    try {
      this.negotiation.wantData();
    } catch (error) {
      if (!(error instanceof SdpError) || error.code !== 'TOO_LARGE') throw error;
    }
  }

  heardOffer({ added, removed, rejected }: OfferReceived): void {
    for (const mid of removed) expect(this.receives.delete(mid), `${mid} was received`).toBe(true);
    for (const { mid, kind } of added) {
      expect(this.receives.has(mid), `${mid} is new`).toBe(false);
      this.receives.set(mid, kind);
    }
    for (const mid of rejected) this.sends.delete(mid);
  }

  heardAnswer({ accepted, rejected, removed }: AnswerReceived): void {
    expect(rejected).toEqual([]);
    for (const mid of removed) this.receives.delete(mid);
    for (const mid of this.sends.keys()) expect(accepted, `${mid} is taken`).toContain(mid);
  }

  /** What holds of each description of its own. */
  check(sdp: string): Description {
    const description = parse(sdp);
    this.#version += 1;
    expect(description.origin.sessionVersion).toBe(this.#version);
    const mids = description.media.map(({ mid }) => String(mid));
    expect(new Set(mids).size, 'mids are unique').toBe(mids.length);
    return description;
  }
}

/**
 * Two negotiations as the two ends of one PeerConnection. Each calls the m-lines that it makes s0,
 * s1, ...; on the way these names are exchanged for p0, p1, ..., which are the other's.
 */
export class TwoAgents {
  readonly ends: readonly [Agent, Agent] = [new Agent('oneufrag'), new Agent('otherufrag')];
  /** Of each mid that ever was, as the first end calls it. */
  readonly #kinds = new Map<string, string>();
  readonly #places = new Map<string, number>();

  of(second: boolean): Agent {
    return this.ends[second ? 1 : 0];
  }

  exchange(second: boolean, fate: 'answered' | 'refused' | 'glare' | 'stale'): void {
    const [offerer, answerer] = [this.of(second), this.of(!second)];
    const stale = offerer.negotiation.createOffer();
    offerer.check(stale);
    const offer = fate === 'stale' ? offerer.negotiation.createOffer() : stale;
    if (fate === 'stale') offerer.check(offer);
    // It has offered too, and yields.
    if (fate === 'glare') answerer.check(answerer.negotiation.createOffer());
    const received = answerer.negotiation.receiveOffer(across(offer));
    if (fate === 'refused') {
      answerer.negotiation.refuseOffer();
      expect(answerer.negotiation.state).toBe('stable');
      this.exchange(second, 'answered');
      return;
    }
    answerer.heardOffer(received);
    const answer = answerer.negotiation.answer();
    const [said, answered] = [parse(offer), answerer.check(answer)];
    offerer.heardAnswer(offerer.negotiation.receiveAnswer(across(answer)));
    this.#agree(said, parse(across(answer)), second);
    expect(answered.media).toHaveLength(said.media.length);
  }

  /** Until neither has anything to say. */
  settle(): void {
    for (let turn = 0; turn < 4; turn += 1) {
      for (const second of [false, true]) {
        if (this.of(second).negotiation.offerNeeded) this.exchange(second, 'answered');
      }
    }
    for (const [one, other] of [
      this.ends,
      [...this.ends].reverse() as unknown as typeof this.ends,
    ]) {
      expect(one.negotiation.offerNeeded, 'all is told').toBe(false);
      expect(sorted(one.receives)).toEqual(sorted(new Map([...other.sends].map(renamed))));
    }
    const [one, other] = this.ends.map(({ negotiation }) => negotiation.data);
    expect(one).toEqual(other);
  }

  /** Of an offer and its answer, both in the names of the offerer. */
  #agree(offer: Description, answer: Description, second: boolean): void {
    for (const [index, media] of offer.media.entries()) {
      const other = answer.media[index];
      const mid = second ? across(String(media.mid)) : String(media.mid);
      expect([other?.mid, other?.type]).toEqual([media.mid, media.type]);
      expect(this.#kinds.get(mid) ?? media.type, 'a mid keeps its kind').toBe(media.type);
      expect(this.#places.get(mid) ?? index, 'a mid keeps its place').toBe(index);
      this.#kinds.set(mid, media.type);
      this.#places.set(mid, index);
      if (other?.port === 0 || media.type === 'application') continue;
      expect(ACROSS[String(other?.direction)], `directions of ${mid}`).toBe(media.direction);
    }
  }
}

function across(text: string): string {
  const swapped = text.replaceAll(/\b[sp](?=\d+\b)/g, (letter) => (letter === 's' ? 'p' : 's'));
  if (!text.includes('\n')) return swapped;
  const lines = text.split('\r\n');
  return lines.map((line) => (/^a=(mid|group):/.test(line) ? across(line) : line)).join('\r\n');
}

function renamed([mid, kind]: [string, Kind]): [string, Kind] {
  return [across(mid), kind];
}

function sorted(tracks: ReadonlyMap<string, Kind>): string[] {
  return [...tracks].map(([mid, kind]) => `${mid} ${kind}`).sort();
}

const side = fc.boolean();
const step: fc.Arbitrary<(agents: TwoAgents) => void> = fc.oneof(
  fc.tuple(side, fc.constantFrom<Kind>('audio', 'video')).map(
    ([second, kind]) =>
      (agents: TwoAgents) =>
        agents.of(second).send(kind),
  ),
  fc.tuple(side, fc.nat({ max: 11 })).map(
    ([second, index]) =>
      (agents: TwoAgents) =>
        agents.of(second).stop(index),
  ),
  side.map((second) => (agents: TwoAgents) => agents.of(second).wantData()),
  fc.tuple(side, fc.constantFrom('answered', 'answered', 'refused', 'glare', 'stale')).map(
    ([second, fate]) =>
      (agents: TwoAgents) =>
        agents.exchange(second, fate),
  ),
);

/** Checks any sequence of renegotiations between two of them, of so many drawn at random. */
export function twoAgree(numRuns: number): void {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      const agents = new TwoAgents();
      for (const run of steps) run(agents);
      agents.settle();
    }),
    { numRuns },
  );
}
