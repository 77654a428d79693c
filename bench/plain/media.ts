import { createWorker } from 'mediasoup';
import type {
  Consumer,
  PipeTransport,
  Producer,
  Router,
  RouterRtpCodecCapability,
  WebRtcServer,
  WebRtcTransport,
} from 'mediasoup/types';

const LOOPBACK = '127.0.0.1';
const CODECS: RouterRtpCodecCapability[] = [
  { kind: 'audio', mimeType: 'audio/opus', clockRate: 48_000, channels: 2 },
  { kind: 'video', mimeType: 'video/VP8', clockRate: 90_000 },
];

/** One mediasoup worker with its router and its port for clients: what a plain program has per core. */
export class Core {
  private constructor(
    readonly workerPid: number,
    readonly router: Router,
    private readonly server: WebRtcServer,
  ) {}

  static async open(): Promise<Core> {
    const worker = await createWorker({ logLevel: 'warn' });
    const router = await worker.createRouter({ mediaCodecs: CODECS });
    const listenInfos = (['udp', 'tcp'] as const).map((protocol) => ({ protocol, ip: LOOPBACK }));
    return new Core(worker.pid, router, await worker.createWebRtcServer({ listenInfos }));
  }

  openTransport(): Promise<WebRtcTransport> {
    return this.router.createWebRtcTransport({
      webRtcServer: this.server,
      enableUdp: true,
      enableTcp: true,
      preferUdp: true,
      initialAvailableOutgoingBitrate: 1_000_000,
    });
  }

  openPipe(): Promise<PipeTransport> {
    return this.router.createPipeTransport({
      listenInfo: { protocol: 'udp', ip: LOOPBACK },
      enableRtx: true,
      enableSrtp: true,
    });
  }
}

/** One encrypted, retransmitting pipe between two cores, made when first needed. */
export class Pipe {
  #ends: Promise<readonly [PipeTransport, PipeTransport]> | undefined;
  readonly #carried = new Map<string, Promise<Producer>>();

  constructor(
    private readonly from: Core,
    private readonly to: Core,
  ) {}

  /**
   * The copy of a producer at the far core: one however many ask, for as long as the producer lives,
   * as `router.pipeToRouter()` keeps it.
   */
  carry(producer: Producer): Promise<Producer> {
    let copy = this.#carried.get(producer.id);
    if (!copy) {
      copy = this.#open(producer);
      this.#carried.set(producer.id, copy);
    }
    return copy;
  }

  async #open(producer: Producer): Promise<Producer> {
    const [near, far] = await (this.#ends ??= this.#connect());
    const consumer: Consumer = await near.consume({ producerId: producer.id });
    const copy = await far.produce({
      id: producer.id,
      kind: consumer.kind,
      rtpParameters: consumer.rtpParameters,
      paused: consumer.producerPaused,
    });
    copy.observer.once('close', () => consumer.close());
    producer.observer.once('close', () => copy.close());
    return copy;
  }

  async #connect(): Promise<readonly [PipeTransport, PipeTransport]> {
    const [near, far] = await Promise.all([this.from.openPipe(), this.to.openPipe()]);
    await Promise.all([near.connect(addressOf(far)), far.connect(addressOf(near))]);
    return [near, far];
  }
}

function addressOf({ tuple, srtpParameters }: PipeTransport) {
  return {
    ip: LOOPBACK,
    port: tuple.localPort,
    ...(srtpParameters === undefined ? {} : { srtpParameters }),
  };
}
