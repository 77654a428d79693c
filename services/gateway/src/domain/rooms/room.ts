import { Resource, type Clock, type ResourceEvents, type Timer } from '@sluice/core';
import type { Directory, Listening, Observer, PeerMessage, RoomFact, RoomNews } from '../ports.js';
import { RoomView, SETTLE_MS, type RoomChange } from './room-view.js';

interface RoomEvents extends ResourceEvents {
  changed: [change: RoomChange];
  peerMessage: [message: PeerMessage];
  nodeLost: [nodeId: string, bootId: string];
}

export interface RoomPorts {
  readonly news: RoomNews;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** Facts published while the first snapshot was taken may have been missed. */
const FIRST_CHECK_MS = 1_000;
const CHECK_INTERVAL_MS = 10_000;

/** A room as this gateway follows it, for all its connections that are in it. */
export class Room extends Resource<RoomEvents> {
  readonly view = new RoomView();
  readonly #listening: Listening;
  readonly #timers: { cancel(): void }[] = [];
  #refreshing: Promise<void> | undefined;
  #checkPlanned = false;
  #ends: Timer | undefined;

  constructor(
    readonly name: string,
    private readonly ports: RoomPorts,
  ) {
    super();
    this.#listening = ports.news.listen(
      name,
      (fact) => this.#hear(fact),
      (message) => this.emit('peerMessage', message),
    );
    const check = () => void this.refresh();
    this.#timers.push(
      ports.clock.after(FIRST_CHECK_MS, check),
      ports.clock.every(CHECK_INTERVAL_MS, check),
    );
  }

  /** Reads the room from the directory again. Never rejects: without it the facts go on. */
  refresh(): Promise<void> {
    return (this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    }));
  }

  async #refresh(): Promise<void> {
    const askedAtMs = this.ports.clock.nowMs();
    try {
      const contents = await this.ports.directory.contentsOf(this.name);
      if (this.closed) return;
      this.#announce(this.view.reconcile(contents, askedAtMs));
    } catch (error) {
      this.ports.observer.trouble(error, 'reading a room');
    }
    if (this.view.unsettled) this.#planCheck();
  }

  #hear(fact: RoomFact): void {
    this.#announce(this.view.apply(fact, this.ports.clock.nowMs()));
    if (fact.kind === 'nodeLost') this.emit('nodeLost', fact.nodeId, fact.bootId);
  }

  /** What only seems to have ended is told when it has not come back in time. */
  #planEnds(): void {
    this.#ends?.cancel();
    const { clock } = this.ports;
    const atMs = this.view.nextEndMs;
    if (atMs === undefined || this.closed) return;
    this.#ends = clock.after(Math.max(0, atMs - clock.nowMs()), () => {
      this.#announce(this.view.endOverdue(clock.nowMs()));
    });
  }

  #planCheck(): void {
    if (this.#checkPlanned || this.closed) return;
    this.#checkPlanned = true;
    const timer = this.ports.clock.after(SETTLE_MS, () => {
      this.#checkPlanned = false;
      this.#timers.splice(this.#timers.indexOf(timer), 1);
      void this.refresh();
    });
    this.#timers.push(timer);
  }

  #announce(changes: readonly RoomChange[]): void {
    for (const change of changes) this.emit('changed', change);
    this.#planEnds();
  }

  protected override release(): void {
    this.#listening.stop();
    this.#ends?.cancel();
    for (const timer of this.#timers) timer.cancel();
  }
}

/** The rooms that connections of this gateway are in: one {@link Room} each, however many are in it. */
export class Rooms {
  readonly #entries = new Map<string, { readonly room: Room; users: number }>();

  constructor(private readonly ports: RoomPorts) {}

  get size(): number {
    return this.#entries.size;
  }

  /** The caller calls `leave` once, when it needs the room no more. */
  enter(name: string): { readonly room: Room; leave(): void } {
    const entry = this.#entries.get(name) ?? { room: new Room(name, this.ports), users: 0 };
    this.#entries.set(name, entry);
    entry.users += 1;
    return {
      room: entry.room,
      leave: () => {
        entry.users -= 1;
        if (entry.users > 0) return;
        this.#entries.delete(name);
        entry.room.close('nobody is in it');
      },
    };
  }
}
