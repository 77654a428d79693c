import { readFileSync } from 'node:fs';
import {
  connect,
  credsAuthenticator,
  type NatsConnection,
  type Subscription,
} from '@nats-io/transport-node';

export interface BusOptions {
  /** Comma-separated servers. */
  readonly url: string;
  /** Shown by the server's monitoring, such as `gateway gw-1`. */
  readonly name: string;
  readonly credentialsFile?: string | undefined;
  /** Told each time the connection is lost or cannot be had. */
  readonly onTrouble?: (error: unknown) => void;
}

export interface Listening {
  stop(): void;
}

interface Wanted {
  readonly subject: string;
  readonly onMessage: (payload: Uint8Array, subject: string) => void;
  subscription?: Subscription;
}

/**
 * A NATS connection that a service can be without: it opens in the background, comes back for ever,
 * drops facts while it is away, and keeps what is listened to across all of it.
 */
export class Bus {
  readonly #wanted = new Set<Wanted>();
  readonly #onConnected: (() => void)[] = [];
  readonly #opening: Promise<NatsConnection>;
  #connection: NatsConnection | undefined;
  #connected = false;
  #closed = false;

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

  /** The first connection, whenever it comes; it is the same one across reconnects. */
  connection(): Promise<NatsConnection> {
    return this.#opening;
  }

  /** Whether it was handed to a live connection; a fact published without one is lost. */
  publish(subject: string, payload: Uint8Array): boolean {
    if (!this.#connection || !this.#connected || this.#closed) return false;
    this.#connection.publish(subject, payload);
    return true;
  }

  /** Calls `onMessage` for each message of a subject, from now on and across reconnects. */
  listen(subject: string, onMessage: Wanted['onMessage']): Listening {
    const wanted: Wanted = { subject, onMessage };
    this.#wanted.add(wanted);
    if (this.#connection) this.#subscribe(this.#connection, wanted);
    return {
      stop: () => {
        this.#wanted.delete(wanted);
        wanted.subscription?.unsubscribe();
      },
    };
  }

  /** Runs after each connect and reconnect: facts may have been missed before it. */
  onConnected(listener: () => void): void {
    this.#onConnected.push(listener);
    if (this.#connected) listener();
  }

  /** Resolves when all that was listened to is known to the server. */
  async flush(): Promise<void> {
    await (await this.#opening).flush();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#connected = false;
    await this.#connection?.close();
  }

  async #open(): Promise<NatsConnection> {
    const connection = await connect({
      servers: this.options.url.split(',').map((server) => server.trim()),
      name: this.options.name,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 100,
      waitOnFirstConnect: true,
      pingInterval: 5_000,
      maxPingOut: 2,
      ...(this.options.credentialsFile === undefined
        ? {}
        : { authenticator: credsAuthenticator(readFileSync(this.options.credentialsFile)) }),
    });
    if (this.#closed) {
      await connection.close();
      return connection;
    }
    this.#connection = connection;
    for (const wanted of this.#wanted) this.#subscribe(connection, wanted);
    this.#announce();
    void this.#follow(connection);
    return connection;
  }

  async #follow(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') {
        this.#connected = false;
        this.options.onTrouble?.(new Error('NATS connection lost'));
      } else if (status.type === 'reconnect') {
        this.#announce();
      } else if (status.type === 'error') {
        this.options.onTrouble?.(status.error);
      }
    }
  }

  #announce(): void {
    this.#connected = true;
    for (const listener of this.#onConnected) listener();
  }

  #subscribe(connection: NatsConnection, wanted: Wanted): void {
    wanted.subscription = connection.subscribe(wanted.subject, {
      callback: (error, message) => {
        if (!error) wanted.onMessage(message.data, message.subject);
      },
    });
  }
}
