import { setLogEventListeners } from 'mediasoup';
import type { Log } from '../domain/ports.js';

/** What the worker tells as an error and is none, each many times a call. */
const EXPECTED: readonly RegExp[] = [
  // Whenever its own estimate starts below the least that we set it takes ours, as it should.
  /ClampConstraints\(\) \| start bitrate smaller than min bitrate/,
  // That a client has closed a data channel can be found out only by asking for it.
  /not found \[method:dataConsumer\.getBufferedAmount\]/,
  /DataConsumer not found \[method:transport\.closeDataConsumer\]/,
];

/** mediasoup has one log for the whole process; what it warns of, clients can cause at will. */
export function logEngine(log: Log): void {
  setLogEventListeners({
    onwarn: (namespace, line) => log.debug({ namespace, line }, 'mediasoup warns'),
    onerror: (namespace, line, error) => {
      const level = isExpected(line) ? 'debug' : 'warn';
      log[level]({ namespace, line, err: error }, 'mediasoup');
    },
  });
}

export function isExpected(line: string): boolean {
  return EXPECTED.some((expected) => expected.test(line));
}
