import { readFileSync } from 'node:fs';
import {
  connect,
  credsAuthenticator,
  headers,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type Subscription,
  type TlsOptions,
} from '@nats-io/transport-node';
import { SluiceError } from '@sluice/core';
import { currentHeaders, openSpan, tracing } from '@sluice/tracing';

export interface BusOptions {
  /** Comma-separated servers. */
  readonly url: string;
  /** Shown by the server's monitoring, such as `gateway gw-1`. */
  readonly name: string;
  /** Read at each connect, like the files of {@link tls}: they may change meanwhile. */
  readonly credentialsFile?: string | undefined;
  /** PEM files. Undefined: as the server wants it. */
  readonly tls?: NatsTls | undefined;
  /** Told each time the connection is lost or cannot be had, and when a listener threw. */
  readonly onTrouble?: (error: unknown) => void;
}

export interface NatsTls {
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

export interface Listening {
  stop(): void;
}

interface Wanted {
  readonly subject: string;
  readonly onMessage: (payload: Uint8Array, subject: string) => void;
  subscription?: Subscription;
}

/** Between two attempts at the first connection; later ones are the client's own. */
const RETRY_MS = 250;
const CONNECT_TIMEOUT_MS = 3_000;
/** What was published just before `close()` gets this long to leave. */
const CLOSE_FLUSH_MS = 1_000;

/**
 * A NATS connection that a service can be without: it opens in the background, comes back for ever,
 * drops facts while it is away, and keeps what is listened to across all of it.
 */
export class Bus {
  readonly #wanted = new Set<Wanted>();
  readonly #onConnected = new Set<() => void>();
  readonly #closing = new AbortController();
  readonly #opening: Promise<NatsConnection>;
  #connection: NatsConnection | undefined;
  #connected = false;

  private constructor(private readonly options: BusOptions) {
    this.#opening = this.#open();
    // Who awaits connection() sees the failure; nobody has to.
    this.#opening.catch(() => undefined);
  }

  /** Returns at once. */
  static open(options: BusOptions): Bus {
    return new Bus(options);
  }

  get connected(): boolean {
    return this.#connected;
  }

  /**
   * The first connection, whenever it comes; it is the same one across reconnects.
   *
   * @throws {SluiceError} UNAVAILABLE when the bus is closed before it comes.
   */
  connection(): Promise<NatsConnection> {
    return this.#opening;
  }

  /** Whether it was handed to a live connection; a fact published without one is lost. */
  publish(subject: string, payload: Uint8Array): boolean {
    if (!this.#connection || !this.#connected) return false;
    try {
      this.#connection.publish(subject, payload, spanOf(this.#connection));
      return true;
    } catch (error) {
      // Larger than the server takes, or closed under our hands: lost, as facts may be.
      this.options.onTrouble?.(error);
      return false;
    }
  }

  /** Calls `onMessage` for each message of a subject, from now on and across reconnects. */
  listen(subject: string, onMessage: Wanted['onMessage']): Listening {
    const wanted: Wanted = { subject, onMessage };
    this.#wanted.add(wanted);
    if (this.#connection && !this.#closing.signal.aborted) {
      this.#subscribe(this.#connection, wanted);
    }
    return {
      stop: () => {
        this.#wanted.delete(wanted);
        wanted.subscription?.unsubscribe();
      },
    };
  }

  /** Runs after each connect and reconnect: facts may have been missed before it. */
  onConnected(listener: () => void): Listening {
    this.#onConnected.add(listener);
    if (this.#connected) listener();
    return { stop: () => void this.#onConnected.delete(listener) };
  }

  /**
   * Resolves when the server has seen all that was published and listened to here, and when all that
   * it had for us by then has been handed to the listeners.
   */
  async flush(): Promise<void> {
    await (await this.#opening).flush();
  }

  /** Idempotent. Ends attempts to connect as well. */
  async close(): Promise<void> {
    const connection = this.#connection;
    const flushing = this.#connected;
    this.#closing.abort();
    this.#connected = false;
    if (!connection || connection.isClosed()) return;
    if (flushing) await Promise.race([connection.flush(), delay(CLOSE_FLUSH_MS)]).catch(ignored);
    await connection.close();
  }

  async #open(): Promise<NatsConnection> {
    const connection = await this.#firstConnection();
    if (this.#closing.signal.aborted) {
      await connection.close();
      throw closed();
    }
    this.#connection = connection;
    for (const wanted of this.#wanted) this.#subscribe(connection, wanted);
    void this.#follow(connection);
    this.#announce();
    return connection;
  }

  /** Not left to the client's own `waitOnFirstConnect`, which cannot be called off. */
  async #firstConnection(): Promise<NatsConnection> {
    while (!this.#closing.signal.aborted) {
      try {
        return await this.#connect();
      } catch (error) {
        this.options.onTrouble?.(error);
      }
      await delay(RETRY_MS, this.#closing.signal);
    }
    throw closed();
  }

  #connect(): Promise<NatsConnection> {
    const { url, name, credentialsFile, tls } = this.options;
    return connect({
      servers: url.split(',').map((server) => server.trim()),
      name,
      timeout: CONNECT_TIMEOUT_MS,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RETRY_MS,
      reconnectJitter: 100,
      // Credentials may be repaired, or a server restarted with them, while we keep trying.
      ignoreAuthErrorAbort: true,
      pingInterval: 5_000,
      maxPingOut: 2,
      ...(credentialsFile === undefined
        ? {}
        : { authenticator: credsAuthenticator(() => readFileSync(credentialsFile)) }),
      ...(tls === undefined ? {} : { tls: filesIn(tls) }),
    });
  }

  async #follow(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect' || status.type === 'close') {
        this.#connected = false;
        if (!this.#closing.signal.aborted) {
          this.options.onTrouble?.(new Error('NATS connection lost'));
        }
      } else if (status.type === 'reconnect') {
        this.#announce();
      } else if (status.type === 'error') {
        this.options.onTrouble?.(status.error);
      }
    }
  }

  #announce(): void {
    if (this.#closing.signal.aborted) return;
    this.#connected = true;
    for (const listener of this.#onConnected) listener();
  }

  #subscribe(connection: NatsConnection, wanted: Wanted): void {
    wanted.subscription = connection.subscribe(wanted.subject, {
      callback: (error, message) => {
        try {
          if (error) throw error;
          heard(message, () => wanted.onMessage(message.data, message.subject));
        } catch (thrown) {
          this.options.onTrouble?.(thrown);
        }
      },
    });
  }
}

/** Only the files that are named: the client takes no undefined ones. */
function filesIn(tls: NatsTls): TlsOptions {
  return Object.fromEntries(Object.entries(tls).filter(([, file]) => file !== undefined));
}

/** Puts the current span into a message's headers, where the server passes them on. */
function spanOf(connection: NatsConnection): { headers?: MsgHdrs } | undefined {
  const current = currentHeaders();
  if (current === undefined || connection.info?.headers !== true) return undefined;
  const sent = headers();
  for (const [name, value] of Object.entries(current)) sent.set(name, value);
  return { headers: sent };
}

/** Hears a message as part of its sender's span, if it came with one. */
function heard(message: Msg, hear: () => void): void {
  if (!tracing.on || !message.headers) {
    hear();
    return;
  }
  const { headers: sent, subject } = message;
  const received = Object.fromEntries(sent.keys().map((name) => [name, sent.get(name)]));
  // What follows in a subject are ids: of nodes, and of rooms in a form that can be read back.
  const topic = subject.split('.').slice(0, TOPIC_TOKENS).join('.');
  const span = openSpan({ name: `hear ${topic}`, kind: 'consumer', received });
  try {
    span.run(hear);
  } finally {
    span.end();
  }
}

/** Of a subject, that say what it is about: as `sluice.v1.room`. */
const TOPIC_TOKENS = 3;

function closed(): SluiceError {
  return new SluiceError('UNAVAILABLE', 'the connection to NATS was closed');
}

const ignored = () => undefined;

function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
