/** Time as domain code sees it: monotonic, so that no clock of another machine or step of our own matters. */
export interface Clock {
  /** Milliseconds since some fixed moment of this process. */
  nowMs(): number;
  /** Runs `task` once after `delayMs`, unless cancelled. */
  after(delayMs: number, task: () => void): Timer;
  /** Runs `task` every `intervalMs`, until cancelled. */
  every(intervalMs: number, task: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  every(intervalMs, task) {
    const timer = setInterval(task, intervalMs);
    return { cancel: () => clearInterval(timer) };
  },
};

/** Uniform on [0, 1). */
export type Random = () => number;
