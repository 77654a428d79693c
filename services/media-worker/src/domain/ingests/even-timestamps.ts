/** Beyond this a step is no order of frames and no jitter. */
const JUMP_S = 1;

/**
 * Makes RTP timestamps of one track go on evenly where the camera's jump: back when another client
 * connects to it, or either way when its clock is set. What jumps is taken to follow its predecessor
 * by as long as it came later, and by as much as packets did before at least.
 */
export class EvenTimestamps {
  #offset = 0;
  #last: { readonly timestamp: number; readonly atMs: number } | undefined;
  /** Between the last two that differed. */
  #usualStep = 0;

  constructor(private readonly clockRate: number) {}

  /** `timestamp` of a packet that came at `atMs`, and what to call it. Both are 32 bits wide. */
  next(timestamp: number, atMs: number): number {
    const last = this.#last;
    this.#last = { timestamp, atMs };
    if (last) {
      const step = (timestamp - last.timestamp) | 0;
      const ran = Math.round(((atMs - last.atMs) * this.clockRate) / 1_000);
      const jump = JUMP_S * this.clockRate;
      // A camera that falls behind stands still and catches up: its own timestamps are right.
      if (step < -jump || step > ran + jump) this.#offset += Math.max(ran, this.#usualStep) - step;
      else if (step > 0) this.#usualStep = Math.min(step, jump);
    }
    return (timestamp + this.#offset) >>> 0;
  }
}
