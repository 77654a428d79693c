import type { Heartbeat } from './facts.js';

/** Load reports are up to this old, and tell of the time before. */
export const REPORT_LAG_MS = 2_500;

interface Report {
  readonly atMs: number;
  readonly heartbeat: Heartbeat;
}

/**
 * A node's load before the sessions that were placed there of late: those count as promised, and the
 * reports that include some of them already must not count them twice, or the node that reported
 * last would seem the fullest.
 */
export class RecentLoads {
  #reports: Report[] = [];
  #lowest = new Map<string, number>();
  #lowestOfNode = 0;

  note(heartbeat: Heartbeat, nowMs: number): void {
    this.#reports = this.#reports.filter(({ atMs }) => nowMs - atMs < REPORT_LAG_MS);
    this.#reports.push({ atMs: nowMs, heartbeat });
    this.#lowest = new Map(heartbeat.routers.map(({ routerId, load }) => [routerId, load]));
    this.#lowestOfNode = heartbeat.load;
    for (const { heartbeat: earlier } of this.#reports) {
      this.#lowestOfNode = Math.min(this.#lowestOfNode, earlier.load);
      for (const { routerId, load } of earlier.routers) {
        const lowest = this.#lowest.get(routerId);
        if (lowest !== undefined) this.#lowest.set(routerId, Math.min(lowest, load));
      }
    }
  }

  get ofNode(): number {
    return this.#lowestOfNode;
  }

  ofRouter(routerId: string): number {
    return this.#lowest.get(routerId) ?? 0;
  }
}
