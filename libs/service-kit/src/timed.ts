import { SluiceError, type ErrorCode } from '@sluice/core';

/** How one call of a port ended, and how long it took. */
export type TimedCall = (method: string, outcome: 'OK' | ErrorCode, seconds: number) => void;

/**
 * `port`, with every method that gives a promise timed. What gives something else, such as a stream
 * of events, passes through. Nobody's `observe` changes what a call gives.
 */
export function timed<Port extends object>(port: Port, observe: TimedCall): Port {
  return new Proxy(port, {
    get(target, name): unknown {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function' || typeof name !== 'string') return member;
      return (...args: unknown[]): unknown => {
        const startedAtMs = performance.now();
        const result: unknown = Reflect.apply(member, target, args);
        if (!(result instanceof Promise)) return result;
        const ended = (outcome: 'OK' | ErrorCode) =>
          observe(name, outcome, (performance.now() - startedAtMs) / 1_000);
        result.then(
          () => ended('OK'),
          (error: unknown) => ended(SluiceError.from(error).code),
        );
        return result;
      };
    },
  });
}
