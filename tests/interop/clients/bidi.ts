import { once } from 'node:events';
import { WebSocket, type RawData } from 'ws';

interface Message {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly message?: string;
}

interface Evaluated {
  readonly type: string;
  readonly result?: { readonly value?: unknown };
  readonly exceptionDetails?: { readonly text: string };
}

/** As much of WebDriver BiDi as it takes to open pages and run scripts in them. */
export class Bidi {
  readonly #pending = new Map<number, (message: Message) => void>();
  #lastId = 0;

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data: RawData) => {
      const message = JSON.parse((data as Buffer).toString('utf8')) as Message;
      this.#pending.get(message.id ?? -1)?.(message);
      this.#pending.delete(message.id ?? -1);
    });
    socket.on('close', () => {
      for (const settle of this.#pending.values()) settle({ error: 'the browser is gone' });
      this.#pending.clear();
    });
    socket.on('error', () => undefined);
  }

  /** @returns the session, and the browser's name and version. */
  static async connect(url: string): Promise<{ bidi: Bidi; browser: string }> {
    const socket = new WebSocket(`${url}/session`);
    await once(socket, 'open');
    const bidi = new Bidi(socket);
    const { capabilities } = (await bidi.send('session.new', { capabilities: {} })) as {
      readonly capabilities: Readonly<Record<string, unknown>>;
    };
    const browser = `${String(capabilities['browserName'])} ${String(capabilities['browserVersion'])}`;
    return { bidi, browser };
  }

  async openPage(url: string): Promise<string> {
    const { context } = (await this.send('browsingContext.create', { type: 'tab' })) as {
      readonly context: string;
    };
    await this.send('browsingContext.navigate', { context, url, wait: 'complete' });
    return context;
  }

  async closePage(context: string): Promise<void> {
    await this.send('browsingContext.close', { context });
  }

  /** Evaluates an expression that gives a string, or a promise of one. */
  async evaluate(context: string, expression: string): Promise<string> {
    const { type, result, exceptionDetails } = (await this.send('script.evaluate', {
      expression,
      target: { context },
      awaitPromise: true,
      userActivation: true,
    })) as Evaluated;
    if (type !== 'success') throw new Error(exceptionDetails?.text ?? type);
    return String(result?.value);
  }

  close(): void {
    this.socket.close();
  }

  async send(method: string, params: object): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    const replied = new Promise<Message>((resolve) => this.#pending.set(id, resolve));
    this.socket.send(JSON.stringify({ id, method, params }));
    const { result, error, message } = await replied;
    if (error !== undefined) throw new Error(`${method}: ${error} ${message ?? ''}`);
    return result;
  }
}
