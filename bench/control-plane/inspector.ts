import { once } from 'node:events';
import { WebSocket } from 'ws';

interface Answer {
  readonly id?: number;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** What a process started with `--inspect` says of where it listens for debuggers. */
export function inspectorUrlIn(output: string): string {
  const [url] = /ws:\/\/\S+/.exec(output) ?? [];
  if (url === undefined) throw new Error('the process listens for no debugger');
  return url;
}

/** A debugger's view into another Node.js process. */
export class Inspector {
  #requests = 0;

  private constructor(private readonly socket: WebSocket) {}

  static async attach(url: string): Promise<Inspector> {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    await once(socket, 'open');
    return new Inspector(socket);
  }

  /** Collects garbage, twice, as what finalizers let go is only found by the second. */
  async collectGarbage(): Promise<void> {
    await this.#ask('HeapProfiler.collectGarbage');
    await this.#ask('HeapProfiler.collectGarbage');
  }

  async heapBytes(): Promise<number> {
    const { usedSize = 0, backingStorageSize = 0 } = await this.#ask('Runtime.getHeapUsage');
    return Number(usedSize) + Number(backingStorageSize);
  }

  close(): void {
    this.socket.close();
  }

  /** One at a time. */
  async #ask(method: string): Promise<Readonly<Record<string, unknown>>> {
    this.#requests += 1;
    const id = this.#requests;
    this.socket.send(JSON.stringify({ id, method }));
    for (;;) {
      const [data] = (await once(this.socket, 'message')) as [Buffer];
      const answer = JSON.parse(data.toString('utf8')) as Answer;
      if (answer.id !== id) continue;
      if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
      return answer.result ?? {};
    }
  }
}
