import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import nodeDataChannel, { type DataChannel, type PeerConnection } from 'node-datachannel';
import type { Focus } from '../src/domain/sfu-to-sfu/foci.js';

/** What it does with an offer that comes to its door. */
export type Door = (offer: string, response: ServerResponse) => void | Promise<void>;

/** What it does with what it is asked over the data channel. */
export type Talk = (channel: DataChannel, asked: Asked, connection: PeerConnection) => void;

export interface Asked {
  readonly event: string;
  readonly id: string;
  readonly sdp: string;
}

/** A server that others pull from, which does with each of its paths whatever a test wants. */
export class OtherServer {
  /** How often each path was asked for. */
  readonly asked = new Map<string, number>();
  readonly #doors = new Map<string, Door>();
  readonly #connections: PeerConnection[] = [];
  readonly #channels: DataChannel[] = [];

  private constructor(private readonly server: Server) {}

  static async open(): Promise<OtherServer> {
    const opened: OtherServer = new OtherServer(
      createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          void opened.#answer(request.url ?? '', Buffer.concat(chunks).toString(), response);
        });
      }),
    );
    await new Promise<void>((resolve) => opened.server.listen(0, '127.0.0.1', resolve));
    return opened;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Where that door is; its `host` tells servers apart. */
  focus(host: string, path: string, door: Door): Focus {
    this.#doors.set(path, door);
    return { host, url: `http://127.0.0.1:${String(this.port)}${path}`, token: undefined };
  }

  /** The same of one that lets in whoever comes, and then talks. */
  talking(host: string, path: string, talk: Talk): Focus {
    return this.focus(host, path, async (offer, response) => {
      response.end(await this.answerTo(offer, talk));
    });
  }

  /** What a server answers that means well until then. */
  async answerTo(offer: string, talk: Talk): Promise<string> {
    const connection = new nodeDataChannel.PeerConnection('other', {
      iceServers: [],
      disableAutoNegotiation: true,
    });
    this.#connections.push(connection);
    connection.onDataChannel((channel) => {
      this.#channels.push(channel);
      channel.onMessage((message) => {
        talk(channel, JSON.parse(message as string) as Asked, connection);
      });
    });
    connection.setRemoteDescription(offer, 'offer');
    connection.setLocalDescription('answer');
    await new Promise<void>((resolve) => {
      const look = () => {
        if (connection.gatheringState() === 'complete') resolve();
      };
      connection.onGatheringStateChange(look);
      look();
    });
    return connection.localDescription()?.sdp ?? '';
  }

  /** What nobody holds is freed, native code and all. */
  keep(channel: DataChannel): void {
    this.#channels.push(channel);
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
    this.server.close();
    this.server.closeAllConnections();
  }

  async #answer(path: string, offer: string, response: ServerResponse): Promise<void> {
    this.asked.set(path, (this.asked.get(path) ?? 0) + 1);
    // Whoever asked may have hung up.
    response.on('error', () => undefined);
    const door = this.#doors.get(path);
    if (door) await door(offer, response);
    else response.writeHead(404).end();
  }
}
