import { createWorker } from 'mediasoup';
import type {
  Consumer,
  Producer,
  Router,
  RouterRtpCodecCapability,
  RtpCapabilities,
  WebRtcTransport,
  Worker,
} from 'mediasoup/types';
import {
  Negotiation,
  type Mid,
  type NegotiationOptions,
  type OutgoingTrack,
} from '../src/index.js';

const H264_PROFILES = ['42e01f', '42001f', '4d001f', '640032'];

/**
 * Numbered as docs/adr/0003 advises: media from 50, RTX from 112, since the fillers take what lies
 * before it in mediasoup's order.
 */
export const MEDIA_CODECS: RouterRtpCodecCapability[] = [
  {
    kind: 'audio',
    mimeType: 'audio/opus',
    preferredPayloadType: 50,
    clockRate: 48_000,
    channels: 2,
  },
  ...Array.from({ length: 12 }, (_, index) => ({
    kind: 'audio' as const,
    mimeType: 'audio/SILK',
    preferredPayloadType: 100 + index,
    clockRate: 8_000,
  })),
  { kind: 'video', mimeType: 'video/VP8', preferredPayloadType: 51, clockRate: 90_000 },
  {
    kind: 'video',
    mimeType: 'video/VP9',
    preferredPayloadType: 52,
    clockRate: 90_000,
    parameters: { 'profile-id': 0 },
  },
  ...H264_PROFILES.map((profile, index) => ({
    kind: 'video' as const,
    mimeType: 'video/H264',
    preferredPayloadType: 53 + index,
    clockRate: 90_000,
    parameters: {
      'packetization-mode': 1,
      'profile-level-id': profile,
      'level-asymmetry-allowed': 1,
    },
  })),
  { kind: 'video', mimeType: 'video/AV1', preferredPayloadType: 57, clockRate: 90_000 },
];

export async function startWorker(): Promise<Worker> {
  return createWorker({ logLevel: 'warn', logTags: ['rtp', 'rtx', 'dtls', 'ice'] });
}

/** One end of a PeerConnection in a real mediasoup, driven by a Negotiation; no more than glue. */
export class Peer {
  readonly producers = new Map<Mid, Producer>();
  readonly consumers = new Map<Mid, Consumer>();

  private constructor(
    readonly router: Router,
    readonly transport: WebRtcTransport,
    readonly negotiation: Negotiation,
  ) {}

  static async open(
    router: Router,
    options: Partial<NegotiationOptions> & { readonly sctp?: boolean } = {},
  ): Promise<Peer> {
    const transport = await router.createWebRtcTransport({
      listenInfos: [
        { protocol: 'udp', ip: '127.0.0.1' },
        { protocol: 'tcp', ip: '127.0.0.1' },
      ],
      enableTcp: true,
      preferUdp: true,
      enableSctp: options.sctp ?? false,
    });
    return new Peer(
      router,
      transport,
      new Negotiation({ transport, routerRtpCapabilities: router.rtpCapabilities, ...options }),
    );
  }

  /** Answers an offer, taking all that it adds. */
  async answer(sdp: string, sending?: ReadonlyMap<Mid, OutgoingTrack>): Promise<string> {
    const offer = this.negotiation.receiveOffer(sdp);
    if (offer.connect) await this.transport.connect({ dtlsParameters: offer.connect });
    for (const mid of offer.removed) {
      this.producers.get(mid)?.close();
      this.producers.delete(mid);
    }
    for (const mid of offer.rejected) this.#closeConsumer(mid);
    for (const { mid, kind, rtpParameters } of offer.added) {
      this.producers.set(mid, await this.transport.produce({ kind, rtpParameters }));
    }
    const iceParameters = offer.iceRestart ? await this.transport.restartIce() : undefined;
    return this.negotiation.answer({ iceParameters, sending });
  }

  /** Makes a paused consumer on an m-line of ours; it is in the next offer. */
  async send(producer: Producer, name: string): Promise<Mid> {
    const mid = this.negotiation.reserve(producer.kind);
    const track = await this.consume(producer, mid, name);
    this.negotiation.setSending(mid, track);
    return mid;
  }

  async consume(
    producer: Producer,
    mid: Mid,
    name: string,
    rtpCapabilities: RtpCapabilities = this.negotiation.consumerCapabilities(mid),
  ): Promise<OutgoingTrack> {
    const consumer = await this.transport.consume({
      producerId: producer.id,
      mid,
      rtpCapabilities,
      paused: true,
    });
    this.consumers.set(mid, consumer);
    return {
      kind: consumer.kind,
      rtpParameters: consumer.rtpParameters,
      streamId: name,
      trackId: `${name}-${consumer.kind}`,
    };
  }

  stop(mid: Mid): void {
    this.#closeConsumer(mid);
    this.negotiation.stopSending(mid);
  }

  async takeAnswer(sdp: string): Promise<void> {
    const answer = this.negotiation.receiveAnswer(sdp);
    if (answer.connect) await this.transport.connect({ dtlsParameters: answer.connect });
    for (const mid of answer.rejected) this.#closeConsumer(mid);
    for (const mid of answer.accepted) await this.consumers.get(mid)?.resume();
  }

  #closeConsumer(mid: Mid): void {
    this.consumers.get(mid)?.close();
    this.consumers.delete(mid);
  }
}
