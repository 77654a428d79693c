import fc from 'fast-check';
import { generateRouterRtpCapabilities } from 'mediasoup/ortc';
import { parse } from 'sdp-transform';
import { expect } from 'vitest';
import { SdpError } from './errors.js';
import {
  MEDIA_CODECS,
  aDescription,
  aTransport,
  anOutgoingTrack,
  clientTransport,
  type ModelSection,
} from './fixtures.js';
import { Negotiation } from './negotiation.js';
import type { AnswerReceived, OfferReceived } from './negotiation-types.js';

type Kind = 'audio' | 'video';

interface ClientLine {
  readonly mid: string;
  readonly kind: Kind;
  readonly sends: boolean;
  readonly receives: boolean;
  readonly stopped: boolean;
  readonly ssrc: number;
  /** What it lists for what we send there, as we numbered it. */
  readonly rtpmaps: readonly string[];
}

const ROUTER = generateRouterRtpCapabilities(MEDIA_CODECS);

/** A client that does as JSEP says, and a server that does as it is told; checks what holds always. */
export class Model {
  readonly negotiation: Negotiation;
  #client: ClientLine[] = [];
  /** What the client would say next, before it said so. */
  #draft: ClientLine[] = [];
  #next = 0;
  #version = 0;
  #kinds = new Map<string, string>();
  #previous: { readonly mid: string; readonly port: number }[] = [];
  /** Tracks that the server was told of. */
  readonly #received = new Set<string>();
  readonly #sent = new Set<string>();

  constructor(bothWays: boolean, probator: boolean) {
    this.negotiation = new Negotiation({
      transport: aTransport(),
      routerRtpCapabilities: ROUTER,
      bothWays,
      probator,
    });
  }

  clientAdds(kind: Kind, ssrc: boolean): void {
    const line: ClientLine = {
      mid: `c${this.#next}`,
      kind,
      sends: true,
      receives: false,
      stopped: false,
      ssrc: ssrc ? 1000 + this.#next : 0,
      rtpmaps: [],
    };
    this.#next += 1;
    const dead = this.#draft.findIndex(
      (other, index) => other.stopped && this.#client[index]?.stopped === true,
    );
    if (dead >= 0) this.#draft[dead] = line;
    else this.#draft.push(line);
  }

  clientChanges(index: number, change: 'stop' | 'pause' | 'resume' | 'replace'): void {
    const at = index % Math.max(this.#draft.length, 1);
    const line = this.#draft[at];
    if (!line || line.stopped) return;
    if (change === 'stop')
      this.#draft[at] = { ...line, stopped: true, sends: false, receives: false };
    if (change === 'pause') this.#draft[at] = { ...line, sends: false };
    // Also on m-lines of ours, which a client may use to send as well.
    if (change === 'resume') {
      this.#draft[at] = { ...line, sends: true, ssrc: line.ssrc || 5000 + this.#next++ };
    }
    if (change === 'replace') this.#draft[at] = { ...line, ssrc: 5000 + this.#next++ };
  }

  clientOffers(refuse: boolean): void {
    const sdp = aDescription(this.#draft.map(toSection), clientTransport('clientufrag', 'actpass'));
    const before = this.negotiation.state;
    const offer = this.negotiation.receiveOffer(sdp);
    expect(before).not.toBe('have-remote-offer');
    if (refuse) {
      this.negotiation.refuseOffer();
      expect(this.negotiation.state).toBe('stable');
      return;
    }
    this.#apply(offer);
    for (const mid of offer.rejected) this.#sent.delete(mid);
    const answer = this.#check(this.negotiation.answer());
    this.#client = this.#draft.map((line, index) => {
      const media = answer.media[index];
      return media?.port === 0 ? { ...line, stopped: true, sends: false, receives: false } : line;
    });
    this.#draft = [...this.#client];
    expect(answer.media).toHaveLength(this.#client.length);
    this.#settle();
  }

  serverSends(kind: Kind): void {
    let mid: string;
    try {
      mid = this.negotiation.reserve(kind);
    } catch (error) {
      if (error instanceof SdpError && error.code === 'TOO_LARGE') return;
      throw error;
    }
    expect(
      [...this.#client, ...this.#draft]
        .filter((line) => !line.stopped && line.sends)
        .map((line) => line.mid),
    ).not.toContain(mid.startsWith('s') ? undefined : mid);
    this.negotiation.setSending(mid, anOutgoingTrack(kind, mid));
    this.#sent.add(mid);
  }

  serverStops(index: number): void {
    const mid = [...this.#sent][index % Math.max(this.#sent.size, 1)];
    if (mid === undefined) return;
    this.negotiation.stopSending(mid);
    this.#sent.delete(mid);
  }

  /** An offer of ours, which the client answers, loses by offering itself, or answers late. */
  serverOffers(fate: 'answered' | 'glare' | 'stale'): void {
    const offer = this.#check(this.negotiation.createOffer());
    expect(this.negotiation.offerNeeded).toBe(false);
    if (fate === 'stale') this.#check(this.negotiation.createOffer());
    if (fate === 'glare') {
      this.clientOffers(false);
      return;
    }
    this.#draft = [...this.#client];
    const lines = offer.media.map((media, index): ClientLine => {
      const mid = String(media.mid);
      const known = this.#client[index]?.mid === mid ? this.#client[index] : undefined;
      const receives = media.direction === 'sendonly' || media.direction === 'sendrecv';
      return {
        mid,
        kind: media.type as Kind,
        ssrc: known?.ssrc ?? 0,
        sends: known?.sends === true && media.port !== 0,
        receives: receives && media.port !== 0,
        stopped: media.port === 0,
        rtpmaps: receives
          ? media.rtp.map(
              ({ payload, codec, rate }) =>
                `a=rtpmap:${payload} ${codec}/${rate ?? 0}${codec === 'opus' ? '/2' : ''}`,
            )
          : [],
      };
    });
    const answer = this.negotiation.receiveAnswer(
      aDescription(lines.map(toSection), clientTransport('clientufrag', 'passive')),
    );
    this.#client = lines;
    this.#draft = [...lines];
    this.#applyAnswer(answer);
    this.#settle();
  }

  hostileInput(): void {
    const state = this.negotiation.state;
    for (const sdp of [
      '',
      'v=0',
      aDescription([]).replace('o=', 'x='),
      'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\nm=audio 9 X 0\r\n',
    ]) {
      expect(() => this.negotiation.receiveOffer(sdp)).toThrow(SdpError);
      expect(() => this.negotiation.receiveAnswer(sdp)).toThrow(SdpError);
    }
    expect(this.negotiation.state).toBe(state);
  }

  #apply(offer: OfferReceived): void {
    for (const mid of offer.removed)
      expect(this.#received.delete(mid), `${mid} was there`).toBe(true);
    for (const { mid } of offer.added) {
      expect(this.#received.has(mid), `${mid} is new`).toBe(false);
      this.#received.add(mid);
    }
  }

  #applyAnswer(answer: AnswerReceived): void {
    for (const mid of answer.removed) this.#received.delete(mid);
    for (const mid of answer.rejected) this.#sent.delete(mid);
    expect(answer.rejected).toEqual([]);
  }

  /** When both sides agree, the tracks are what the client sends. */
  #settle(): void {
    expect(this.negotiation.state).toBe('stable');
    const sending = this.#client.filter((line) => line.sends && !line.stopped && line.ssrc > 0);
    expect([...this.#received].sort()).toEqual(sending.map((line) => line.mid).sort());
  }

  /** What holds for every description of ours, whatever came before. */
  #check(sdp: string): ReturnType<typeof parse> {
    const description = parse(sdp);
    this.#version += 1;
    expect(description.origin.sessionVersion).toBe(this.#version);
    const mids = description.media.map((media) => String(media.mid));
    expect(new Set(mids).size, 'mids are unique').toBe(mids.length);
    const alive = description.media.filter((media) => media.port !== 0);
    const bundle = description.groups?.find((group) => group.type === 'BUNDLE')?.mids ?? '';
    expect(bundle.split(' ').filter((mid) => mid !== '')).toEqual(
      alive.map((media) => String(media.mid)),
    );
    for (const media of description.media) {
      const mid = String(media.mid);
      expect(this.#kinds.get(mid) ?? media.type, 'a mid keeps its kind').toBe(media.type);
      this.#kinds.set(mid, media.type);
    }
    for (const [index, { mid, port }] of this.#previous.entries()) {
      if (port !== 0 && this.#client[index]?.mid === mid && !this.#draft[index]?.stopped) {
        expect(mids[index], 'a live m-line keeps its place').toBe(mid);
      }
    }
    this.#previous = description.media.map((media) => ({
      mid: String(media.mid),
      port: media.port,
    }));
    checkNumbers(description);
    return description;
  }
}

function checkNumbers(description: ReturnType<typeof parse>): void {
  const codecs = new Map<number, string>();
  const extensions = new Map<number, string>();
  for (const media of description.media) {
    for (const { payload, codec, rate } of media.rtp) {
      const meaning = `${codec}/${rate ?? 0}`;
      expect(codecs.get(payload) ?? meaning, 'a payload type means one codec').toBe(meaning);
      codecs.set(payload, meaning);
    }
    for (const { value, uri } of media.ext ?? []) {
      expect(extensions.get(value) ?? uri, 'an id means one extension').toBe(uri);
      extensions.set(value, uri);
    }
  }
}

function toSection(line: ClientLine): ModelSection {
  const own =
    line.kind === 'audio'
      ? ['a=rtpmap:111 opus/48000/2', 'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid']
      : [
          'a=rtpmap:96 VP8/90000',
          'a=rtpmap:97 rtx/90000',
          'a=fmtp:97 apt=96',
          'a=extmap:3 urn:3gpp:video-orientation',
        ];
  return {
    mid: line.mid,
    kind: line.kind,
    stopped: line.stopped,
    direction: line.sends
      ? line.receives
        ? 'sendrecv'
        : 'sendonly'
      : line.receives
        ? 'recvonly'
        : 'inactive',
    lines: [...line.rtpmaps, ...own, ...(line.ssrc > 0 ? [`a=ssrc:${line.ssrc} cname:c`] : [])],
  };
}

const kind = fc.constantFrom<Kind>('audio', 'video');

/** What may happen next. */
export const step: fc.Arbitrary<(model: Model) => void> = fc.oneof(
  kind.map((of) => (model: Model) => model.clientAdds(of, true)),
  fc
    .tuple(
      fc.nat({ max: 20 }),
      fc.constantFrom('stop' as const, 'pause' as const, 'resume' as const, 'replace' as const),
    )
    .map(
      ([index, change]) =>
        (model: Model) =>
          model.clientChanges(index, change),
    ),
  fc.boolean().map((refuse) => (model: Model) => model.clientOffers(refuse)),
  fc.constant((model: Model) => model.clientOffers(false)),
  kind.map((of) => (model: Model) => model.serverSends(of)),
  fc.nat({ max: 20 }).map((index) => (model: Model) => model.serverStops(index)),
  fc
    .constantFrom('answered' as const, 'answered' as const, 'glare' as const, 'stale' as const)
    .map((fate) => (model: Model) => model.serverOffers(fate)),
  fc.constant((model: Model) => model.hostileInput()),
);

/** Checks any sequence of renegotiations, of so many drawn at random. */
export function keepsBothInStep(numRuns: number): void {
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.boolean(),
      fc.array(step, { minLength: 1, maxLength: 40 }),
      (bothWays, probator, steps) => {
        const model = new Model(bothWays, probator);
        for (const run of steps) run(model);
      },
    ),
    { numRuns },
  );
}
