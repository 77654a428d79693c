import { Negotiation, type LocalTransport } from '@sluice/sdp';
import type { Consumer, Producer, RtpCapabilities, WebRtcTransport } from 'mediasoup/types';
import type { Core } from './media.js';

/** One PeerConnection of a client, in either direction. */
export class ClientConnection {
  readonly producers: Producer[] = [];
  readonly #consumers = new Map<string, Consumer>();
  readonly #negotiation: Negotiation;

  private constructor(
    private readonly transport: WebRtcTransport,
    private readonly capabilities: RtpCapabilities,
  ) {
    const local: LocalTransport = transport;
    this.#negotiation = new Negotiation({
      transport: local,
      routerRtpCapabilities: capabilities,
    });
  }

  static async open(core: Core): Promise<ClientConnection> {
    return new ClientConnection(await core.openTransport(), core.router.rtpCapabilities);
  }

  /** Takes the client's offer and gives our answer. */
  async publish(offer: string): Promise<string> {
    const { connect, added } = this.#negotiation.receiveOffer(offer);
    if (connect) await this.transport.connect({ dtlsParameters: connect });
    for (const { kind, rtpParameters } of added) {
      this.producers.push(await this.transport.produce({ kind, rtpParameters }));
    }
    return this.#negotiation.answer();
  }

  /** Consumes all of these and gives our offer. */
  async subscribe(producers: readonly Producer[], streamId: string): Promise<string> {
    for (const { id, kind } of producers) {
      const mid = this.#negotiation.reserve(kind);
      const consumer = await this.transport.consume({
        producerId: id,
        rtpCapabilities: this.capabilities,
        paused: true,
        mid,
      });
      const { rtpParameters } = consumer;
      this.#negotiation.setSending(mid, { kind, rtpParameters, streamId, trackId: kind });
      this.#consumers.set(mid, consumer);
    }
    return this.#negotiation.createOffer();
  }

  async receiveAnswer(sdp: string): Promise<void> {
    const { connect, accepted } = this.#negotiation.receiveAnswer(sdp);
    if (connect) await this.transport.connect({ dtlsParameters: connect });
    for (const mid of accepted) {
      const consumer = this.#consumers.get(mid);
      await consumer?.resume();
      if (consumer?.kind === 'video') void this.#askForKeyFrame(consumer);
    }
  }

  close(): void {
    this.transport.close();
  }

  /** Once it can arrive: one asked for before DTLS is done would be lost. */
  async #askForKeyFrame(consumer: Consumer): Promise<void> {
    if (this.transport.dtlsState !== 'connected') {
      await new Promise<void>((resolve) => {
        this.transport.on('dtlsstatechange', (state) => {
          if (state === 'connected') resolve();
        });
      });
    }
    if (!consumer.closed) await consumer.requestKeyFrame();
  }
}
