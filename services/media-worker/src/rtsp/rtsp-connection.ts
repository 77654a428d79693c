import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Resource, type ResourceEvents } from '@sluice/core';
import { IngestFailure, type IngestFailureKind } from '../domain/ingests/ingest-failure.js';
import { Authorization, challengeOf } from './authorization.js';
import type { CameraUrl } from './camera-url.js';
import { RtspReader, headerOf, type InterleavedFrame, type RtspMessage } from './rtsp-reader.js';

export interface RtspTimes {
  /** From the first packet to a connection, and from a request to its answer. */
  readonly answerMs: number;
  /** Without a byte from the camera, once it plays. */
  readonly silentMs: number;
}

export interface RtspConnectionEvents extends ResourceEvents {
  frame: [frame: InterleavedFrame];
  failed: [failure: IngestFailure];
}

interface Pending {
  readonly resolve: (response: RtspMessage) => void;
  readonly reject: (error: unknown) => void;
}

const USER_AGENT = 'Sluice';
/** Sessions end after a minute without a request, where the camera does not say otherwise. */
const SESSION_TIMEOUT_S = 60;

/**
 * One RTSP connection to a camera, media interleaved: what is connected to is the address that was
 * checked, nothing redirects it, and everything has an end in time.
 */
export class RtspConnection extends Resource<RtspConnectionEvents> {
  readonly #pending = new Map<number, Pending>();
  readonly #reader: RtspReader;
  #sequence = 0;
  #authorization: Authorization | undefined;
  #sessionId: string | undefined;
  #keepAlive: NodeJS.Timeout | undefined;
  #failure: IngestFailure | undefined;
  #receivedBytes = 0;

  private constructor(
    private readonly socket: Socket,
    private readonly url: CameraUrl,
    private readonly times: RtspTimes,
  ) {
    super();
    this.#reader = new RtspReader({
      onMessage: (message) => this.#onMessage(message),
      onFrame: (frame) => this.emit('frame', frame),
    });
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', () => this.fail('lost'));
    socket.on('close', () => this.fail('lost'));
  }

  /** @throws {IngestFailure} */
  static async open(url: CameraUrl, address: string, times: RtspTimes): Promise<RtspConnection> {
    return new RtspConnection(await openSocket(url, address, times.answerMs), url, times);
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Why it is over. */
  get failure(): IngestFailure | undefined {
    return this.#failure;
  }

  /** The SDP, and the URL that its relative ones are below. @throws {IngestFailure} */
  async describe(): Promise<{ sdp: string; base: string }> {
    const uri = this.url.requestUri;
    const response = await this.#request('DESCRIBE', uri, { Accept: 'application/sdp' });
    const base = headerOf(response, 'content-base') ?? headerOf(response, 'content-location');
    return { sdp: response.body.toString('latin1'), base: base ?? uri };
  }

  /** The channels that the camera chose for RTP and RTCP. @throws {IngestFailure} */
  async setUp(uri: string, channel: number): Promise<number> {
    const wanted = `RTP/AVP/TCP;unicast;interleaved=${String(channel)}-${String(channel + 1)}`;
    const response = await this.#request('SETUP', uri, { Transport: wanted });
    const [id = '', ...parameters] = (headerOf(response, 'session') ?? '').split(';');
    if (!/^[\x21-\x7e]{1,256}$/.test(id.trim())) throw new IngestFailure('malformed');
    this.#sessionId = id.trim();
    this.#keepAliveEvery(parameters);
    const transport = headerOf(response, 'transport') ?? '';
    const chosen = /interleaved=(\d{1,3})/i.exec(transport)?.[1];
    if (chosen === undefined && !/tcp/i.test(transport)) throw new IngestFailure('refused');
    return chosen === undefined ? channel : Number(chosen);
  }

  /** @throws {IngestFailure} */
  async play(uri: string): Promise<void> {
    await this.#request('PLAY', uri, { Range: 'npt=0.000-' });
    this.socket.setTimeout(this.times.silentMs, () => this.fail('silent'));
  }

  /** Receiver reports, which some cameras take for a sign of life. */
  send({ channel, payload }: InterleavedFrame): void {
    if (this.closed || this.socket.writableNeedDrain) return;
    const header = Buffer.from([0x24, channel, 0, 0]);
    header.writeUInt16BE(payload.length, 2);
    this.socket.write(Buffer.concat([header, payload]));
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  fail(kind: IngestFailureKind): void {
    if (this.closed) return;
    this.#failure = new IngestFailure(kind);
    this.emit('failed', this.#failure);
    this.close(this.#failure.message);
  }

  protected override release(): void {
    clearInterval(this.#keepAlive);
    const failure = this.#failure ?? new IngestFailure('lost');
    for (const { reject } of this.#pending.values()) reject(failure);
    this.#pending.clear();
    if (this.#failure || this.#sessionId === undefined) this.socket.destroy();
    else {
      // Cameras serve few at once: one that is not told keeps the session for a minute.
      this.socket.end(this.#format('TEARDOWN', this.url.requestUri, {}));
      this.socket.setTimeout(this.times.answerMs, () => this.socket.destroy());
    }
  }

  async #request(
    method: string,
    uri: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<RtspMessage> {
    const response = await this.#exchange(method, uri, headers);
    if (statusOf(response) !== 401) return checked(response);
    const challenge = challengeOf(response.headers.get('www-authenticate') ?? []);
    const { credentials } = this.url;
    if (!challenge || !credentials) throw new IngestFailure('unauthorized');
    // Once more: the first time there was no challenge to answer, or its nonce is too old.
    this.#authorization = new Authorization(challenge, credentials);
    return checked(await this.#exchange(method, uri, headers));
  }

  #exchange(
    method: string,
    uri: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<RtspMessage> {
    if (this.closed) return Promise.reject(this.#failure ?? new IngestFailure('lost'));
    const { promise, resolve, reject } = Promise.withResolvers<RtspMessage>();
    const text = this.#format(method, uri, headers);
    const sequence = this.#sequence;
    const timer = setTimeout(() => this.fail('late'), this.times.answerMs);
    this.#pending.set(sequence, { resolve, reject });
    this.socket.write(text);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#pending.delete(sequence);
    });
  }

  #format(method: string, uri: string, headers: Readonly<Record<string, string>>): string {
    this.#sequence += 1;
    const lines = [
      `${method} ${uri} RTSP/1.0`,
      `CSeq: ${String(this.#sequence)}`,
      `User-Agent: ${USER_AGENT}`,
      ...(this.#sessionId === undefined ? [] : [`Session: ${this.#sessionId}`]),
      ...(this.#authorization ? [`Authorization: ${this.#authorization.of(method, uri)}`] : []),
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ];
    return `${lines.join('\r\n')}\r\n\r\n`;
  }

  #onData(chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    try {
      this.#reader.read(chunk);
    } catch {
      this.fail('malformed');
    }
  }

  #onMessage(message: RtspMessage): void {
    const sequence = headerOf(message, 'cseq') ?? '';
    if (/^RTSP\/\d\.\d /.test(message.startLine)) {
      this.#pending.get(Number(sequence))?.resolve(message);
      return;
    }
    if (!/^[A-Z_]+ \S+ RTSP\/\d\.\d$/.test(message.startLine)) throw new IngestFailure('malformed');
    if (message.startLine.startsWith('REDIRECT ')) this.fail('redirected');
    else if (/^\d{1,9}$/.test(sequence)) {
      this.socket.write(`RTSP/1.0 501 Not Implemented\r\nCSeq: ${sequence}\r\n\r\n`);
    }
  }

  #keepAliveEvery(parameters: readonly string[]): void {
    const said = parameters
      .map((text) => /^\s*timeout=(\d{1,4})\s*$/i.exec(text)?.[1])
      .find(Boolean);
    const timeoutS = Math.max(4, said === undefined ? SESSION_TIMEOUT_S : Number(said));
    clearInterval(this.#keepAlive);
    // Whether it is understood does not matter: any request counts.
    const tell = () =>
      void this.#exchange('GET_PARAMETER', this.url.requestUri, {}).catch(() => undefined);
    this.#keepAlive = setInterval(tell, (timeoutS * 1_000) / 2);
  }
}

function openSocket(url: CameraUrl, address: string, timeoutMs: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const to = { host: address, port: url.port };
  const socket = url.tls
    ? connectTls({ ...to, ...(isName(url) && { servername: url.host }) }, () => connected())
    : connectTcp(to, () => connected());
  const timer = setTimeout(() => failed(new IngestFailure('late')), timeoutMs);
  const onError = (error: NodeJS.ErrnoException) => {
    const certificate = /CERT|SELF_SIGNED|ISSUER|ALTNAME/.test(error.code ?? '');
    failed(new IngestFailure(certificate ? 'untrusted' : 'unreachable', { cause: error }));
  };
  const failed = (failure: IngestFailure) => {
    clearTimeout(timer);
    socket.destroy();
    reject(failure);
  };
  const connected = () => {
    clearTimeout(timer);
    socket.off('error', onError);
    socket.setNoDelay(true);
    resolve(socket);
  };
  socket.once('error', onError);
  return promise;
}

function isName({ host }: CameraUrl): boolean {
  return /[a-z]/i.test(host) && !host.includes(':');
}

function statusOf(response: RtspMessage): number {
  return Number(/^RTSP\/\d\.\d (\d{3})/.exec(response.startLine)?.[1] ?? 0);
}

function checked(response: RtspMessage): RtspMessage {
  const status = statusOf(response);
  if (status >= 200 && status < 300) return response;
  if (status === 401 || status === 403) throw new IngestFailure('unauthorized');
  if (status === 404) throw new IngestFailure('noStream');
  // Where it leads was not checked.
  if (status >= 300 && status < 400) throw new IngestFailure('redirected');
  throw new IngestFailure(status === 0 ? 'malformed' : 'refused');
}
