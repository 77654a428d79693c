import type { Clock } from '@sluice/core';
import { REPORT_LAG_MS } from '../cluster/recent-loads.js';

interface Reservation {
  readonly room: string;
  readonly atMs: number;
  /** Whether its session was heard to open. */
  opened: boolean;
}

/** Once {@link REPORT_LAG_MS} are over a place fades, so that no node looks idle all at once, and is forgotten after this time. */
const RESERVATION_MAX_MS = 5_000;

/**
 * Places promised and not yet part of a load report, so that a burst of joins does not herd onto one
 * router. Sessions that other replicas placed count as soon as they are heard to open.
 */
export class Reservations {
  /** By router, oldest first. */
  readonly #byRouter = new Map<string, Reservation[]>();

  constructor(private readonly clock: Clock) {}

  reserve(room: string, routerId: string): void {
    this.#add(routerId, { room, atMs: this.clock.nowMs(), opened: false });
  }

  /** A session opened. Whether it was promised here; one of another replica takes a place as well. */
  open(room: string, routerId: string): boolean {
    const promised = this.#current(routerId).find((one) => !one.opened && one.room === room);
    if (promised) promised.opened = true;
    else this.#add(routerId, { room, atMs: this.clock.nowMs(), opened: true });
    return promised !== undefined;
  }

  /**
   * A session ended, which the last report may have counted: it frees the place of one that opened
   * since. Where people come and go, those who left would otherwise keep out those who come.
   */
  close(routerId: string): void {
    const current = this.#current(routerId);
    const freed = current.findIndex((one) => one.opened);
    if (freed >= 0) current.splice(freed, 1);
    if (current.length === 0) this.#byRouter.delete(routerId);
  }

  /** Sessions promised to a router and not yet part of its load. */
  ofRouter(routerId: string): number {
    const nowMs = this.clock.nowMs();
    return this.#current(routerId).reduce((sum, { atMs }) => sum + weight(nowMs - atMs), 0);
  }

  /** Sessions of a room that came, or were promised, to a router within the last seconds. */
  recent(room: string, routerId: string): number {
    return this.#current(routerId).filter((one) => one.room === room).length;
  }

  #add(routerId: string, reservation: Reservation): void {
    const current = this.#current(routerId);
    current.push(reservation);
    this.#byRouter.set(routerId, current);
  }

  #current(routerId: string): Reservation[] {
    const reservations = this.#byRouter.get(routerId) ?? [];
    const sinceMs = this.clock.nowMs() - RESERVATION_MAX_MS;
    let over = 0;
    while ((reservations[over]?.atMs ?? Number.POSITIVE_INFINITY) <= sinceMs) over += 1;
    if (over > 0) reservations.splice(0, over);
    if (reservations.length === 0) this.#byRouter.delete(routerId);
    return reservations;
  }
}

function weight(ageMs: number): number {
  if (ageMs <= REPORT_LAG_MS) return 1;
  return Math.max(0, (RESERVATION_MAX_MS - ageMs) / (RESERVATION_MAX_MS - REPORT_LAG_MS));
}
