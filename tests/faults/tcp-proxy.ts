import { once } from 'node:events';
import {
  createConnection,
  createServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';

/** A way to a TCP server that can be cut as a network is: nothing ends, and nothing arrives. */
export class TcpProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #cut = false;

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#server = createServer((client) => {
      const upstream = createConnection(target);
      this.#add(client, upstream);
      this.#add(upstream, client);
    });
  }

  /** @param target host:port */
  static async to(target: string, listenIp = '127.0.0.1'): Promise<TcpProxy> {
    const [host = '', port = ''] = target.split(':');
    const proxy = new TcpProxy({ host, port: Number(port) });
    proxy.#server.listen(0, listenIp);
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** host:port */
  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `${address}:${port}`;
  }

  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.pause();
  }

  heal(): void {
    this.#cut = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #add(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (data) => to.write(data));
    if (this.#cut) from.pause();
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    // Its end follows, and is passed on.
    from.on('error', () => undefined);
  }
}
