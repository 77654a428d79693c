import { signal } from '@preact/signals';
import type { IngestRow } from '@sluice/protocol';

export interface CameraWish {
  readonly id: string;
  readonly url: string;
  readonly onDemand: boolean;
}

const REREAD_MS = 2_000;

/** The cameras that the cluster pulls into one room, for whoever may have that done. */
export class Cameras {
  /** Undefined until it was read. */
  readonly list = signal<readonly IngestRow[] | undefined>(undefined);
  readonly problem = signal<string | undefined>(undefined);
  #following: ReturnType<typeof setInterval> | undefined;

  constructor(
    /** Of the API's ingests. */
    private readonly url: string,
    private readonly token: string,
    private readonly room: string,
  ) {}

  /** Keeps the list as it is now, while somebody looks. */
  follow(): () => void {
    void this.#read();
    this.#following ??= setInterval(() => void this.#read(), REREAD_MS);
    return () => {
      clearInterval(this.#following);
      this.#following = undefined;
    };
  }

  /** Whether it was taken; else `problem` says why not. */
  async add(wish: CameraWish): Promise<boolean> {
    return this.#command(() => this.#ask('POST', '', { ...wish, room: this.room }));
  }

  async remove(id: string): Promise<boolean> {
    return this.#command(() => this.#ask('DELETE', `/${encodeURIComponent(id)}`));
  }

  async #command(command: () => Promise<unknown>): Promise<boolean> {
    this.problem.value = undefined;
    try {
      await command();
      await this.#read();
      return true;
    } catch (error) {
      this.problem.value = error instanceof Error ? error.message : String(error);
      return false;
    }
  }

  async #read(): Promise<void> {
    try {
      const rows = (await this.#ask('GET', '')) as readonly IngestRow[];
      this.list.value = rows.filter(({ room }) => room === this.room);
    } catch {
      // What was read last stays; it is read again in a moment.
    }
  }

  async #ask(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${this.token}` },
      ...(body && { body: JSON.stringify(body) }),
    });
    const answer: unknown = response.status === 204 ? undefined : await response.json();
    if (response.ok) return answer;
    const { detail } = answer as { readonly detail?: string };
    throw new Error(detail ?? `the server answered ${response.status}`);
  }
}
