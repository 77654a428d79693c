import process from 'node:process';
import { createWorker } from 'mediasoup';
import type { Router, TransportListenInfo, WebRtcServer, Worker } from 'mediasoup/types';
import { Resource, Rollback, type CloseReason } from '@sluice/core';
import type { CoreBeacon, HomeRouter } from '../domain/routers/home-router.js';
import { MEDIA_CODECS } from './codecs.js';

/** Where clients' media arrives: one UDP and one TCP port per core. */
export interface ClientListen {
  readonly ip: string;
  /** What clients are told instead of `ip`, where it differs: an address or a name. */
  readonly announcedAddress?: string | undefined;
  /** Of the first core; each further one takes the next. 0 takes free ones. */
  readonly basePort: number;
}

export interface CoreOptions {
  readonly index: number;
  readonly listen: ClientListen;
  /** The worker's executable; mediasoup's own default when undefined. */
  readonly workerBin?: string | undefined;
}

/** All clients of a core share these sockets; the kernel may grant less. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;

/** One mediasoup Worker with its Router and its WebRtcServer. Closes when the worker dies. */
export class Core extends Resource implements HomeRouter {
  readonly routerId: string;
  readonly mediaCodecs = MEDIA_CODECS;

  private constructor(
    readonly index: number,
    private readonly worker: Worker,
    readonly router: Router,
    readonly webRtcServer: WebRtcServer,
    readonly beacon: CoreBeacon,
  ) {
    super();
    this.routerId = router.id;
    worker.once('died', () => this.close('worker died'));
    if (worker.closed) this.close('worker died');
  }

  /** @throws when the worker cannot be started or its port is taken. */
  static async open({ index, listen, workerBin }: CoreOptions): Promise<Core> {
    await using rollback = new Rollback(() => undefined);
    const worker = await startWorker(workerBin);
    rollback.add(() => worker.close());
    const webRtcServer = await createServer(worker, listen, index);
    const router = await worker.createRouter({ mediaCodecs: MEDIA_CODECS });
    const beacon = await lightBeacon(worker, webRtcServer);
    rollback.commit();
    return new Core(index, worker, router, webRtcServer, beacon);
  }

  /** Process id of the worker. */
  get pid(): number {
    return this.worker.pid;
  }

  /** CPU time that the worker has used so far. */
  async cpuTimeMs(): Promise<number> {
    const usage = await this.worker.getResourceUsage();
    return usage.ru_utime + usage.ru_stime;
  }

  /** Ends a worker that does not even hear that it should close. */
  kill(): void {
    if (!this.closed) process.kill(this.pid, 'SIGKILL');
  }

  protected override release(_reason: CloseReason): void {
    this.worker.close();
  }
}

/**
 * A transport that no client ever hears of, on a router of its own that can carry nothing. Its
 * worker answers connectivity checks that know its credentials; DTLS is never begun on it.
 */
async function lightBeacon(worker: Worker, webRtcServer: WebRtcServer): Promise<CoreBeacon> {
  const router = await worker.createRouter({ mediaCodecs: [] });
  const { iceCandidates, iceParameters } = await router.createWebRtcTransport({
    webRtcServer,
    enableUdp: true,
    enableTcp: false,
    iceConsentTimeout: 0,
  });
  const candidate = iceCandidates.find(({ protocol }) => protocol === 'udp');
  if (!candidate) throw new Error('the beacon has no UDP candidate');
  return {
    ip: candidate.address,
    port: candidate.port,
    iceUsernameFragment: iceParameters.usernameFragment,
    icePassword: iceParameters.password,
  };
}

/**
 * mediasoup closes its workers at the first SIGTERM or SIGINT of this process, and all media with
 * them. A node drains first and closes them itself, so those listeners go.
 */
async function startWorker(workerBin: string | undefined): Promise<Worker> {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const before = new Map(signals.map((signal) => [signal, new Set(process.listeners(signal))]));
  // It adds them before it first awaits anything.
  const starting = createWorker({
    logLevel: 'warn',
    ...(workerBin === undefined ? {} : { workerBin }),
  });
  for (const [signal, known] of before) {
    for (const listener of process.listeners(signal)) {
      if (!known.has(listener)) process.removeListener(signal, listener);
    }
  }
  return starting;
}

async function createServer(
  worker: Worker,
  listen: ClientListen,
  index: number,
): Promise<WebRtcServer> {
  const port = listen.basePort === 0 ? 0 : listen.basePort + index;
  const listenInfo = (protocol: 'udp' | 'tcp'): TransportListenInfo => ({
    protocol,
    ip: listen.ip,
    ...(listen.announcedAddress === undefined ? {} : { announcedAddress: listen.announcedAddress }),
    ...(port === 0 ? {} : { port }),
    sendBufferSize: SOCKET_BUFFER_BYTES,
    recvBufferSize: SOCKET_BUFFER_BYTES,
  });
  try {
    return await worker.createWebRtcServer({ listenInfos: [listenInfo('udp'), listenInfo('tcp')] });
  } catch (error) {
    const where = `${listen.ip} port ${port === 0 ? '(any)' : String(port)}`;
    throw new Error(`core ${String(index)} cannot listen on ${where}, UDP and TCP`, {
      cause: error,
    });
  }
}
