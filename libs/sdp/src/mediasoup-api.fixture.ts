import {
  canConsume,
  getConsumableRtpParameters,
  getConsumerRtpParameters,
  getProducerRtpParametersMapping,
  validateAndNormalizeRtpCapabilities,
  validateAndNormalizeRtpParameters,
} from 'mediasoup/ortc';
import type { DtlsParameters, RtpCapabilities, RtpParameters } from './dictionaries.js';
import type { IncomingTrack, Mid, OfferReceived } from './negotiation-types.js';

const SSRC_MAX = 2 ** 32 - 1;
const FINGERPRINT_BYTES = new Map([
  ['sha-1', 20],
  ['sha-224', 28],
  ['sha-256', 32],
  ['sha-384', 48],
  ['sha-512', 64],
]);

/**
 * A WebRtcTransport that takes and refuses what mediasoup's does, by mediasoup's own functions and
 * by the rules of its worker (RtpListener, DtlsTransport), which no test can ask a hundred thousand
 * times.
 */
export class TransportApi {
  readonly #producers = new Map<Mid, RtpParameters>();
  #connected = false;

  constructor(private readonly router: RtpCapabilities) {}

  /** Does what an offer asks for. @throws {Error} where mediasoup would. */
  apply({ connect, removed, added }: OfferReceived): void {
    if (connect) this.connect(connect);
    for (const mid of removed) this.#producers.delete(mid);
    for (const track of added) this.produce(track);
  }

  connect({ role, fingerprints }: DtlsParameters): void {
    if (this.#connected) throw new Error('connect() was called before');
    if (role !== 'client' && role !== 'server') throw new Error(`role ${String(role)}`);
    if (fingerprints.length === 0) throw new Error('no fingerprint');
    for (const { algorithm, value } of fingerprints) {
      const bytes = FINGERPRINT_BYTES.get(algorithm);
      if (value.split(':').length !== bytes) throw new Error(`${algorithm} ${value}`);
    }
    this.#connected = true;
  }

  produce({ mid, kind, rtpParameters }: IncomingTrack): void {
    const parameters = structuredClone(rtpParameters);
    validateAndNormalizeRtpParameters(parameters);
    const mapping = getProducerRtpParametersMapping(parameters, this.router);
    getConsumableRtpParameters(kind, parameters, this.router, mapping);
    if (this.#producers.has(mid)) throw new Error(`mid ${mid} is there already`);
    const taken = new Set([...this.#producers.values()].flatMap(ssrcsOf));
    for (const ssrc of ssrcsOf(parameters)) {
      if (!Number.isInteger(ssrc) || ssrc < 1 || ssrc > SSRC_MAX) throw new Error(`SSRC ${ssrc}`);
      if (taken.has(ssrc)) throw new Error(`SSRC ${ssrc} is there already`);
      taken.add(ssrc);
    }
    for (const { payloadType } of parameters.codecs) {
      if (!(payloadType >= 0 && payloadType <= 127)) throw new Error(`type ${payloadType}`);
    }
    this.#producers.set(mid, parameters);
  }

  /** What a consumer of a stream would be sent with, where the client can take it. */
  consume(kind: 'audio' | 'video', produced: RtpParameters, capabilities: RtpCapabilities) {
    const wanted = structuredClone(capabilities);
    validateAndNormalizeRtpCapabilities(wanted);
    const parameters = structuredClone(produced);
    const mapping = getProducerRtpParametersMapping(parameters, this.router);
    const consumable = getConsumableRtpParameters(kind, parameters, this.router, mapping);
    if (!canConsume(consumable, wanted)) return undefined;
    return getConsumerRtpParameters({
      consumableRtpParameters: consumable,
      remoteRtpCapabilities: wanted,
      pipe: false,
      enableRtx: true,
    });
  }
}

function ssrcsOf({ encodings = [] }: RtpParameters): number[] {
  return encodings
    .flatMap(({ ssrc, rtx }) => [ssrc, rtx?.ssrc])
    .filter((ssrc) => ssrc !== undefined);
}
