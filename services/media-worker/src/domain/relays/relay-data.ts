import type { DataProducer, PipeTransport } from 'mediasoup/types';
import { Resource, SluiceError, type Clock, type Timer } from '@sluice/core';
import type { RelayDataTrack } from '@sluice/proto-gen/media_node';
import type { DataMessage } from '../data/channel-table.js';
import { SEAL_KEY_BYTES, Unsealer } from '../data/data-seal.js';
import { Sequence } from '../data/data-sequence.js';
import { DataOutlet, type DataTrack } from '../data/data-track.js';
import { isReliable, sameParameters, type ChannelParameters } from '../data/dcep.js';
import type { StreamCopy } from '../streams/stream-copy.js';

const MAX_TRACKS = 64;
const NAME_MAX_CHARACTERS = 256;
/** How long a message may be missing that others have overtaken. */
const MISSING_MS = 1_000;
/** How long a replaced way still brings what the new one may have missed. */
const REPLACED_KEEP_MS = 3_000;

/** One data track at an edge. */
class EdgeTrack extends Resource {
  readonly #unsealer: Unsealer;
  #outlet: DataOutlet | undefined;
  /** By which it arrives, over that pipe. */
  #producer: DataProducer | undefined;
  #transport: PipeTransport | undefined;
  #renewing = false;
  readonly #sequence = new Sequence();
  #missing: Timer | undefined;

  constructor(
    readonly parameters: ChannelParameters,
    private readonly listed: RelayDataTrack,
    private readonly copy: StreamCopy,
    private readonly clock: Clock,
  ) {
    super();
    this.#unsealer = new Unsealer(listed.key);
  }

  /** Whether that is the same, by whatever way it comes. */
  is(listed: RelayDataTrack, parameters: ChannelParameters): boolean {
    const { key, trackId } = this.listed;
    const same = trackId === listed.trackId && sameParameters(parameters, this.parameters);
    return same && listed.key.equals(key) && !this.closed;
  }

  /** Whether it comes by that way now. */
  comesBy(transport: PipeTransport, streamId: number): boolean {
    const { closed, sctpStreamParameters } = this.#producer ?? {};
    return (
      closed === false &&
      this.#transport === transport &&
      sctpStreamParameters?.streamId === streamId
    );
  }

  /** Messages that come by two ways for a moment are let through once. */
  async comeBy(transport: PipeTransport, streamId: number): Promise<void> {
    const producer = await transport.produceData({
      sctpStreamParameters: { streamId, ordered: true },
    });
    try {
      this.#outlet ??= this.own(await DataOutlet.open(this.copy.router));
      await this.#outlet.hear(producer, (sealed) => this.#hear(sealed));
    } catch (error) {
      producer.close();
      throw error;
    }
    const before = this.#producer;
    this.#producer = producer;
    this.#transport = transport;
    this.onClosed(() => producer.close());
    if (before) this.clock.after(REPLACED_KEEP_MS, () => before.close());
    this.#put();
  }

  #hear(sealed: Buffer): void {
    const unsealed = this.#unsealer.open(sealed);
    if (!unsealed || this.closed) return;
    const { message, count } = unsealed;
    if (!isReliable(this.parameters)) {
      this.#outlet?.send(message);
      return;
    }
    this.#send(this.#sequence.take(count, message));
    if (this.#sequence.full) void this.#renew();
    else if (this.#sequence.waits) this.#waitForMissing();
  }

  #send(messages: readonly DataMessage[]): void {
    for (const message of messages) this.#outlet?.send(message);
  }

  /** Another way may bring it: one that is about to end, mostly. */
  #waitForMissing(): void {
    if (this.#missing) return;
    this.#missing = this.clock.after(MISSING_MS, () => {
      this.#missing = undefined;
      if (this.#sequence.waits && !this.closed) void this.#renew();
    });
  }

  /** All are to arrive, and some did not: whoever listens gets another channel. */
  async #renew(): Promise<void> {
    if (this.#renewing || !this.#outlet) return;
    this.#renewing = true;
    try {
      await this.#outlet.renew(() => this.#put());
      while (this.#sequence.waits) this.#send(this.#sequence.skip());
    } catch {
      this.close('messages were lost');
    } finally {
      this.#renewing = false;
    }
  }

  #put(): void {
    const sealedBy = this.#producer;
    if (this.closed || !this.#outlet || !sealedBy) return;
    const { producer } = this.#outlet;
    const { trackId, key } = this.listed;
    const sealed = () => Promise.resolve({ producer: sealedBy, key });
    const track: DataTrack = { trackId, parameters: this.parameters, producer, sealed };
    this.copy.putData(track);
  }
}

/** An edge's data tracks, kept equal to what the parent says flows. */
export class RelayData extends Resource {
  readonly #tracks = new Map<string, EdgeTrack>();

  constructor(
    private readonly copy: StreamCopy,
    private readonly clock: Clock,
  ) {
    super();
  }

  /** @throws {SluiceError} INVALID_ARGUMENT for what no parent sends; mediasoup's own errors. */
  async apply(listed: readonly RelayDataTrack[], transport: PipeTransport): Promise<void> {
    const checked = check(listed);
    const names = new Set(listed.map(({ trackId }) => trackId));
    for (const trackId of [...this.#tracks.keys()]) if (!names.has(trackId)) this.#drop(trackId);
    for (const [track, parameters] of checked) {
      const { trackId, streamId } = track;
      let edge = this.#tracks.get(trackId);
      if (!edge?.is(track, parameters)) edge = this.#add(track, parameters);
      if (!edge.comesBy(transport, streamId)) await edge.comeBy(transport, streamId);
    }
  }

  #add(track: RelayDataTrack, parameters: ChannelParameters): EdgeTrack {
    this.#drop(track.trackId);
    const edge = this.own(new EdgeTrack(parameters, track, this.copy, this.clock));
    this.#tracks.set(track.trackId, edge);
    return edge;
  }

  #drop(trackId: string): void {
    const edge = this.#tracks.get(trackId);
    if (!edge) return;
    this.#tracks.delete(trackId);
    this.copy.removeData(trackId);
    edge.close('the track has ended');
  }
}

function check(
  tracks: readonly RelayDataTrack[],
): readonly (readonly [RelayDataTrack, ChannelParameters])[] {
  if (tracks.length > MAX_TRACKS) throw invalid('too many data tracks');
  const names = new Set<string>();
  return tracks.map((track) => {
    const { trackId, label, protocol, ordered, maxRetransmits, maxPacketLifeTimeMs, key } = track;
    if (names.has(trackId)) throw invalid('two data tracks of one name');
    names.add(trackId);
    const named = [trackId, label, protocol].every((name) => name.length <= NAME_MAX_CHARACTERS);
    if (!named || key.length !== SEAL_KEY_BYTES) throw invalid('a malformed data track');
    return [track, { label, protocol, ordered, maxRetransmits, maxPacketLifeTimeMs }];
  });
}

function invalid(problem: string): SluiceError {
  return new SluiceError('INVALID_ARGUMENT', problem);
}
