import { SluiceError, type Clock } from '@sluice/core';

/**
 * What `promise` gives, unless it takes longer than `deadlineMs`.
 *
 * @throws {SluiceError} DEADLINE_EXCEEDED then; `what` names what did not come.
 */
export async function withDeadline<T>(
  clock: Clock,
  deadlineMs: number,
  what: string,
  promise: Promise<T>,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = clock.after(deadlineMs, () => {
    late.reject(new SluiceError('DEADLINE_EXCEEDED', `${what} did not come in time`));
  });
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    timer.cancel();
  }
}

/**
 * The next message of a call.
 *
 * @throws {SluiceError} UNAVAILABLE when the call ended without one, DEADLINE_EXCEEDED, or the
 * callee's own.
 */
export async function nextMessage<Message>(
  clock: Clock,
  deadlineMs: number,
  what: string,
  messages: AsyncIterator<Message>,
): Promise<Message> {
  const result = await withDeadline(clock, deadlineMs, what, messages.next());
  if (result.done) throw new SluiceError('UNAVAILABLE', `the call ended before ${what}`);
  return result.value;
}
