import { SluiceError } from '@sluice/core';
import type { CallContext } from './server.js';

/** One watch, as a call of its own would have it. */
export type Watch<Wanted, Event> = (
  wanted: Wanted,
  write: (event: Event) => void,
  context: CallContext,
) => Promise<void>;

export interface WatchRequest<Wanted> {
  readonly watchId: number;
  /** Without it the watch ends. */
  readonly begin?: Wanted | undefined;
}

export interface WatchResponse<Event> {
  watchId: number;
  event: Event | undefined;
  /** The code is empty where nothing failed. */
  ended: { code: string; message: string } | undefined;
}

/** More than the sessions of a full node, several times over. */
const WATCHES_MAX = 50_000;

/** Many watches over one call: each begins, is told things and ends as if it were alone. */
export function manyWatches<Wanted, Event>(watch: Watch<Wanted, Event>) {
  return async (
    requests: AsyncIterable<WatchRequest<Wanted>>,
    write: (response: WatchResponse<Event>) => void,
    { signal }: CallContext,
  ): Promise<void> => {
    const running = new Map<number, AbortController>();
    const endAll = () => {
      for (const controller of running.values()) controller.abort();
    };
    const begin = async (watchId: number, wanted: Wanted): Promise<void> => {
      const controller = new AbortController();
      running.set(watchId, controller);
      const tell = (event: Event) => write({ watchId, event, ended: undefined });
      const failure = await failureOf(() => watch(wanted, tell, { signal: controller.signal }));
      running.delete(watchId);
      if (controller.signal.aborted) return;
      const { code = '', message = '' } = failure ?? {};
      write({ watchId, event: undefined, ended: { code, message } });
    };
    signal.addEventListener('abort', endAll, { once: true });
    try {
      for await (const { watchId, begin: wanted } of requests) {
        if (wanted === undefined) running.get(watchId)?.abort();
        else if (running.has(watchId) || running.size >= WATCHES_MAX) {
          throw new SluiceError('INVALID_ARGUMENT', 'a watch begins twice, or too many do');
        } else void begin(watchId, wanted);
      }
    } finally {
      endAll();
    }
  };
}

async function failureOf(work: () => Promise<void>): Promise<SluiceError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return SluiceError.from(error);
  }
}
