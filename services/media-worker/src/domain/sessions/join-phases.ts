import type { Consumer } from 'mediasoup/types';

/** What flows on a PeerConnection, as seen from the client; duplex is both. */
export type Direction = 'publishing' | 'subscribing' | 'duplex';

/**
 * What passes between a client's wish and its media, as far as a node sees it:
 * `source` the stream is brought to the router, `transport` made, `claim` the name is ours, `answer`
 * the client has answered our offer, `ice` from both descriptions to ICE, `dtls` from there to keys,
 * `first_packet` and `first_keyframe` from there, or from the resumed consumer, to media.
 */
export type JoinPhase =
  'source' | 'transport' | 'claim' | 'answer' | 'ice' | 'dtls' | 'first_packet' | 'first_keyframe';

/** Told how joins go. */
export interface JoinObserver {
  readonly onPhase: (direction: Direction, phase: JoinPhase, durationMs: number) => void;
  /** From the client's wish to its first media. */
  readonly onFirstMedia: (direction: Direction, durationMs: number) => void;
  /** A PeerConnection of a client ended. */
  readonly onConnectionClosed: (direction: Direction, reason: string) => void;
}

/** Tells the phases `ice` and `dtls` of one connection, each once, whatever comes first. */
export class Establishment {
  #describedAtMs: number | undefined;
  #iceAtMs: number | undefined;
  #established = false;

  constructor(private readonly onPhase: (phase: 'ice' | 'dtls', durationMs: number) => void) {}

  /** Both sides' descriptions are known here; a client may have begun with ICE before. */
  described(nowMs: number): void {
    this.#describedAtMs ??= nowMs;
  }

  iceConnected(nowMs: number): void {
    this.#iceAtMs ??= nowMs;
  }

  dtlsConnected(nowMs: number): void {
    if (this.#established) return;
    this.#established = true;
    const describedAtMs = this.#describedAtMs ?? nowMs;
    const beganAtMs = Math.max(describedAtMs, this.#iceAtMs ?? describedAtMs);
    this.onPhase('ice', beganAtMs - describedAtMs);
    this.onPhase('dtls', Math.max(0, nowMs - beganAtMs));
  }
}

/** Tells once when `consumer` has sent a keyframe, or a packet where it is audio. */
export function onFirstSent(consumer: Consumer, told: () => void): void {
  const listen = (events: ('rtp' | 'keyframe')[]) => {
    // A consumer that closes meanwhile sends nothing that could be told.
    consumer.enableTraceEvent(events).catch(() => undefined);
  };
  consumer.once('trace', () => {
    if (!consumer.closed) listen([]);
    told();
  });
  if (!consumer.closed) listen([consumer.kind === 'video' ? 'keyframe' : 'rtp']);
}
