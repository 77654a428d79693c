import { describeStream, streamKey, type StreamName } from '@sluice/core';

/** A name that was granted to an origin, as the origin was told. */
export interface Grant {
  readonly name: StreamName;
  readonly epoch: number;
  /** Node, boot and session. */
  readonly origin: string;
  readonly askedAtMs: number;
  readonly grantedAtMs: number;
}

/** What somebody was told of a name. */
export interface Look {
  readonly name: StreamName;
  /** 0: nobody has it. */
  readonly epoch: number;
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
}

/** An origin ended a stream, or began to: by release, handover, fencing or its own death. */
interface End {
  readonly key: string;
  readonly epoch: number;
  readonly atMs: number;
}

/** A time after which nothing is expected to be findable at once. */
interface Disturbance {
  /** Whose streams; undefined for all. */
  readonly node: string | undefined;
  readonly fromMs: number;
  untilMs: number;
}

/** Facts that were lost are read again within this time. */
const RECOVERY_MS = 4_000;

/** What happened in a run, by this process's clock, and what is wrong with it. */
export class History {
  readonly #grants: Grant[] = [];
  readonly #looks: Look[] = [];
  readonly #ends: End[] = [];
  readonly #disturbances: Disturbance[] = [];
  readonly counts: Record<string, number> = {};
  readonly log: string[] = [];

  note(what: string, detail = ''): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
    this.log.push(`${performance.now().toFixed(0)} ${what} ${detail}`);
  }

  granted(grant: Grant): void {
    this.#grants.push(grant);
    this.note('granted', `${describeStream(grant.name)} @${grant.epoch} to ${grant.origin}`);
  }

  looked(look: Look): void {
    this.#looks.push(look);
    this.note(
      look.epoch === 0 ? 'not found' : 'found',
      `${describeStream(look.name)} @${look.epoch}`,
    );
  }

  ended(name: StreamName, epoch: number, why: string): void {
    this.#ends.push({ key: streamKey(name), epoch, atMs: performance.now() });
    this.note(why, `${describeStream(name)} @${epoch}`);
  }

  /** Call the answer when it is over. */
  disturbed(node: string | undefined, why: string): () => void {
    const disturbance: Disturbance = { node, fromMs: performance.now(), untilMs: Infinity };
    this.#disturbances.push(disturbance);
    this.note(why, node);
    return () => {
      disturbance.untilMs = performance.now() + RECOVERY_MS;
      this.note(`end of ${why}`, node);
    };
  }

  /** What must never be; empty when nothing of it was. */
  violations(): string[] {
    return [...this.#sharedEpochs(), ...this.#shrinkingEpochs(), ...this.#missed()];
  }

  #sharedEpochs(): string[] {
    const origins = new Map<string, string>();
    const found: string[] = [];
    for (const { name, epoch, origin } of this.#grants) {
      const held = `${describeStream(name)} @${epoch}`;
      const other = origins.get(held) ?? origin;
      if (other !== origin) found.push(`${held} has two origins: ${other} and ${origin}`);
      origins.set(held, origin);
    }
    return found;
  }

  /** A grant asked for after another one was given is of a later epoch, unless to the same origin. */
  #shrinkingEpochs(): string[] {
    const found: string[] = [];
    for (const grants of Map.groupBy(this.#grants, ({ name }) => streamKey(name)).values()) {
      for (const later of grants) {
        const before = grants.filter(({ grantedAtMs }) => grantedAtMs < later.askedAtMs);
        for (const earlier of before) {
          const fine =
            later.epoch > earlier.epoch ||
            (later.epoch === earlier.epoch && later.origin === earlier.origin);
          if (fine) continue;
          found.push(
            `${describeStream(later.name)} @${later.epoch} to ${later.origin} was granted after @${earlier.epoch} to ${earlier.origin}`,
          );
        }
      }
    }
    return found;
  }

  /** Nobody was told that a stream is not there while it was, undisturbed. */
  #missed(): string[] {
    return this.#looks
      .filter(({ epoch }) => epoch === 0)
      .flatMap((look) => {
        const grant = this.#grants.find((one) => this.#heldThroughout(one, look));
        if (!grant) return [];
        return [
          `${describeStream(look.name)} @${grant.epoch} of ${grant.origin} was not found at ${look.askedAtMs.toFixed(0)}`,
        ];
      });
  }

  #heldThroughout({ name, epoch, origin, grantedAtMs }: Grant, look: Look): boolean {
    if (streamKey(name) !== streamKey(look.name) || grantedAtMs > look.askedAtMs) return false;
    const ended = this.#ends.some(
      (end) => end.key === streamKey(name) && end.epoch === epoch && end.atMs <= look.answeredAtMs,
    );
    const disturbed = this.#disturbances.some(
      ({ node, fromMs, untilMs }) =>
        (node === undefined || origin.startsWith(`${node} `)) &&
        fromMs <= look.answeredAtMs &&
        untilMs >= grantedAtMs &&
        untilMs >= look.askedAtMs,
    );
    return !ended && !disturbed;
  }
}
