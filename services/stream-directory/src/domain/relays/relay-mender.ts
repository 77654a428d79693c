import { streamKey, type Clock, type StreamName } from '@sluice/core';
import type { Relay } from '../cluster/facts.js';
import { relayKey } from '../cluster/known-node.js';
import type { Crowd, Member } from './relay-tree.js';
import type { RelayTrees } from './relay-trees.js';
import type { StreamRegistry } from '../streams/stream-registry.js';

/** A relay that stays where it is, its node having no better place for it, is left alone ever longer. */
const PATIENCE_MS = 2_000;
const PATIENCE_MAX_MS = 60_000;

interface Asked {
  readonly againAtMs: number;
  readonly patienceMs: number;
}

/**
 * Finds what two replicas planned at the same moment: routers that brought one stream into the same
 * node, zone or region. All but one of them are asked to plan again.
 */
export class RelayMender {
  /** Streams with relays planned of late, by any replica. */
  readonly #watched = new Map<string, StreamName>();
  readonly #asked = new Map<string, Asked>();

  constructor(
    private readonly registry: StreamRegistry,
    private readonly trees: RelayTrees,
    private readonly clock: Clock,
    /** Asks the pulling node to plan a relay again; it may get lost. */
    private readonly replan: (relay: Relay) => void,
  ) {}

  watch(stream: StreamName): void {
    this.#watched.set(streamKey(stream), stream);
  }

  /** To be called every second or so. */
  mend(): void {
    for (const [key, name] of this.#watched) {
      const found = this.registry.findKnown(name);
      const crowds = found ? this.trees.treeOf(found).crowds() : [];
      if (!found || crowds.length === 0) {
        this.#watched.delete(key);
        continue;
      }
      for (const member of new Set(crowds.flatMap(losersOf))) {
        this.#ask({
          stream: name,
          epoch: found.epoch,
          from: (member.parent ?? member).router,
          to: member.router,
        });
      }
    }
    const nowMs = this.clock.nowMs();
    for (const [key, { againAtMs }] of this.#asked) {
      if (nowMs > againAtMs + PATIENCE_MAX_MS) this.#asked.delete(key);
    }
  }

  #ask(relay: Relay): void {
    // It may not have opened yet, and may never.
    if (this.trees.isPlanned(relay)) return;
    const key = relayKey(relay);
    const nowMs = this.clock.nowMs();
    const { againAtMs, patienceMs } = this.#asked.get(key) ?? {
      againAtMs: nowMs,
      patienceMs: PATIENCE_MS,
    };
    if (nowMs < againAtMs) return;
    const next = Math.min(PATIENCE_MAX_MS, 2 * patienceMs);
    this.#asked.set(key, { againAtMs: nowMs + patienceMs, patienceMs: next });
    this.replan(relay);
  }
}

/** All but the one that most depend on; every replica comes to the same one. */
function losersOf({ entries }: Crowd): Member[] {
  const inOrder = [...entries].sort(
    (a, b) => b.children.size - a.children.size || (a.router.routerId < b.router.routerId ? -1 : 1),
  );
  // The origin itself is an entry that cannot move.
  return inOrder.filter((member, index) => member.parent && index > 0);
}
