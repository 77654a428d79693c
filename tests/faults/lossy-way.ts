import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** One end: where it really listens, and the address under which the other one is told to find it. */
export interface LossyEnd {
  readonly announcedIp: string;
  readonly firstPort: number;
  readonly lastPort: number;
}

export interface Impairment {
  /** Share of packets that get lost, 0 to 1. */
  readonly loss: number;
  readonly delayMs: number;
}

const REAL_IP = '127.0.0.1';

/**
 * A way for UDP between two ends on this machine that loses and delays packets. Each finds the other
 * under an address of ours, and takes what comes from there for the other's own.
 */
export class LossyWay {
  readonly #sockets = new Map<string, Socket>();
  #impairment: Impairment | undefined;
  #lost = 0;
  #stopped = false;

  private constructor() {}

  static async between(one: LossyEnd, other: LossyEnd): Promise<LossyWay> {
    const way = new LossyWay();
    await Promise.all([way.#open(one, other), way.#open(other, one)]);
    return way;
  }

  /** Packets that did not arrive. */
  get lost(): number {
    return this.#lost;
  }

  impair(impairment: Impairment): void {
    this.#impairment = impairment;
  }

  heal(): void {
    this.#impairment = undefined;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const sockets = [...this.#sockets.values()];
    await Promise.all(
      sockets.map(async (socket) => {
        const closed = once(socket, 'close');
        socket.close();
        await closed;
      }),
    );
  }

  async #open(end: LossyEnd, other: LossyEnd): Promise<void> {
    for (let port = end.firstPort; port <= end.lastPort; port += 1) {
      const socket = createSocket('udp4');
      socket.on('message', (packet, from) => this.#pass(packet, from.port, { port, other }));
      socket.bind(port, end.announcedIp);
      await once(socket, 'listening');
      this.#sockets.set(keyOf(end, port), socket);
    }
  }

  #pass(packet: Buffer, fromPort: number, to: { port: number; other: LossyEnd }): void {
    const sender = this.#sockets.get(keyOf(to.other, fromPort));
    if (!sender) return;
    const send = () => {
      if (!this.#stopped) sender.send(packet, to.port, REAL_IP);
    };
    if (!this.#impairment) send();
    else if (Math.random() < this.#impairment.loss) this.#lost += 1;
    else setTimeout(send, this.#impairment.delayMs);
  }
}

function keyOf({ announcedIp }: LossyEnd, port: number): string {
  return `${announcedIp}:${port}`;
}
