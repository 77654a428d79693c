import type { Clock } from '@sluice/core';
import { DCEP_ACK, PPID, dcepOpen, readDcep, type ChannelParameters } from './dcep.js';

/** A channel of one PeerConnection, whoever opened it. */
export interface Channel {
  readonly streamId: number;
  readonly parameters: ChannelParameters;
  readonly openedBy: 'client' | 'us';
}

/** What a message of the client means. */
export type Heard =
  | { readonly kind: 'opened'; readonly channel: Channel; readonly reply: Buffer }
  | { readonly kind: 'acknowledged'; readonly channel: Channel }
  | { readonly kind: 'message'; readonly channel: Channel; readonly message: DataMessage }
  /** No channel can be there: the stream is to be reset. */
  | { readonly kind: 'refused'; readonly reason: 'malformed' | 'not yours' | 'too many' }
  | { readonly kind: 'ignored' };

/** One message of a data channel; `payload` is empty in both empty kinds. */
export interface DataMessage {
  readonly ppid: number;
  readonly payload: Buffer;
}

/** What is to be said again; a channel that nothing was heard of is lost. */
export interface Repeat {
  readonly channel: Channel;
  readonly message: Buffer | 'lost';
}

export interface ChannelTableOptions {
  /** Which stream ids are ours: those of the DTLS client are even (RFC 8832 §6). */
  readonly ours: 'even' | 'odd';
  /** Channels that a client may have open at a time. */
  readonly clientChannelsMax: number;
  readonly clock: Clock;
}

interface Entry extends Channel {
  /** Of ours: until the client has answered. */
  acknowledged: boolean;
  repeatAtMs: number;
  repeats: number;
}

/** Ours are used again only after all others, so that a reset has long arrived. */
const OUR_IDS = 1_024;
const REPEAT_AFTER_MS = 1_000;
const REPEATS_MAX = 6;
const IGNORED: Heard = { kind: 'ignored' };

/**
 * The channels of one PeerConnection as RFC 8832 has them: who may open which, what is to be said,
 * and what a message means. Nothing is sent here, and nothing waited for.
 */
export class ChannelTable {
  readonly #entries = new Map<number, Entry>();
  readonly #parity: number;
  #next = 0;

  constructor(private readonly options: ChannelTableOptions) {
    this.#parity = options.ours === 'even' ? 0 : 1;
  }

  get channels(): readonly Channel[] {
    return [...this.#entries.values()];
  }

  find(streamId: number): Channel | undefined {
    return this.#entries.get(streamId);
  }

  /** The id of the client's that comes at that place among its own. */
  clientsId(index: number): number {
    return 2 * index + (1 - this.#parity);
  }

  /**
   * A channel of ours and what opens it; undefined when all ids are taken. `idsMax` is how many
   * streams the client lets us use.
   */
  open(parameters: ChannelParameters, idsMax: number): [Channel, Buffer] | undefined {
    const places = Math.floor((Math.min(idsMax, 2 * OUR_IDS) - this.#parity + 1) / 2);
    for (let tried = 0; tried < places; tried += 1) {
      const streamId = 2 * (this.#next % places) + this.#parity;
      this.#next += 1;
      if (this.#entries.has(streamId)) continue;
      const repeatAtMs = this.options.clock.nowMs() + REPEAT_AFTER_MS;
      const entry: Entry = {
        ...{ streamId, parameters, openedBy: 'us' },
        ...{ acknowledged: false, repeatAtMs, repeats: 0 },
      };
      this.#entries.set(streamId, entry);
      return [entry, dcepOpen(parameters)];
    }
    return undefined;
  }

  /** What a message on that stream means; a channel that it opens is there from now on. */
  receive(streamId: number, ppid: number, payload: Buffer): Heard {
    if (ppid === PPID.dcep) return this.#control(streamId, payload);
    const channel = this.#entries.get(streamId);
    const message = messageOf(ppid, payload);
    if (!channel || !message) return IGNORED;
    // It can only know the channel by our request (RFC 8832 §6).
    channel.acknowledged = true;
    return { kind: 'message', channel, message };
  }

  /** Either side has reset the stream: the id may be used again. */
  forget(streamId: number): void {
    this.#entries.delete(streamId);
  }

  /** Whether the client has answered; messages that may overtake each other wait for it. */
  isAcknowledged(streamId: number): boolean {
    return this.#entries.get(streamId)?.acknowledged ?? false;
  }

  /**
   * What to say again: on a channel that may lose messages our request may be lost as well. A
   * channel that is never acknowledged comes as `lost`, once.
   */
  repeats(): readonly Repeat[] {
    const nowMs = this.options.clock.nowMs();
    return [...this.#entries.values()].flatMap((entry): Repeat[] => {
      if (entry.openedBy === 'client' || entry.acknowledged || nowMs < entry.repeatAtMs) return [];
      entry.repeats += 1;
      entry.repeatAtMs = nowMs + REPEAT_AFTER_MS * 2 ** entry.repeats;
      if (entry.repeats <= REPEATS_MAX) {
        return [{ channel: entry, message: dcepOpen(entry.parameters) }];
      }
      entry.repeatAtMs = Infinity;
      return [{ channel: entry, message: 'lost' }];
    });
  }

  #control(streamId: number, payload: Buffer): Heard {
    const read = readDcep(payload);
    const known = this.#entries.get(streamId);
    if (!read) return { kind: 'refused', reason: 'malformed' };
    if (read.type === 'ack') {
      if (!known || known.openedBy === 'client' || known.acknowledged) return IGNORED;
      known.acknowledged = true;
      return { kind: 'acknowledged', channel: known };
    }
    if (streamId % 2 === this.#parity) return { kind: 'refused', reason: 'not yours' };
    const others = this.channels.filter(
      (channel) => channel.openedBy === 'client' && channel.streamId !== streamId,
    );
    if (others.length >= this.options.clientChannelsMax) {
      return { kind: 'refused', reason: 'too many' };
    }
    const { parameters } = read;
    const entry: Entry = {
      ...{ streamId, parameters, openedBy: 'client' },
      ...{ acknowledged: true, repeatAtMs: Infinity, repeats: 0 },
    };
    this.#entries.set(streamId, entry);
    return { kind: 'opened', channel: entry, reply: DCEP_ACK };
  }
}

/** Empty messages have one byte on the wire, which means nothing; undefined for other protocols. */
function messageOf(ppid: number, payload: Buffer): DataMessage | undefined {
  if (ppid === PPID.text || ppid === PPID.binary) return { ppid, payload };
  const empty = ppid === PPID.emptyText || ppid === PPID.emptyBinary;
  return empty ? { ppid, payload: Buffer.alloc(0) } : undefined;
}
