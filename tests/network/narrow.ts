import { eventually } from '@sluice/testing';
import type { BrowserParticipant } from '../browser/participant.js';
import type { Figures } from './figures.js';
import { ALICE, FULL, ORIGIN, bitrateOf, type Scenery, type Stage } from './stage.js';
import { watch, type Watched } from './watch.js';

const WATCHED_MS = 10_000;
const SETTLE_TIMEOUT_MS = 60_000;
/** What the full picture takes by then. */
const MORE_THAN_LIMIT_BPS = 400_000;

export interface Link {
  readonly limit: () => Promise<unknown>;
  readonly unlimit: () => Promise<unknown>;
}

/** Ben's link becomes narrow while alice is seen in full, and wide again; how ben and cora see her. */
export async function narrow(
  stage: Stage,
  room: string,
  video: Omit<Scenery, 'corasNode'>,
  figures: Figures,
  link: Link,
): Promise<{ readonly limited: Watched; readonly free: Watched }> {
  const { ben, cora, leave } = await stage.threeIn(room, { corasNode: ORIGIN, ...video });
  try {
    // Encoders take some seconds to get up to what they may use.
    await eventually(async () => {
      const bitrateBps = await bitrateOf(cora);
      return bitrateBps > MORE_THAN_LIMIT_BPS ? undefined : `she gets ${bitrateBps} bit/s`;
    }, SETTLE_TIMEOUT_MS);
    await link.limit();
    await untilWidth(ben, (width) => width < FULL.width);
    const [limited, free] = await Promise.all([
      watch(ben, 'alice', WATCHED_MS),
      watch(cora, 'alice', WATCHED_MS),
    ]);
    figures.add(`300 kbit/s to a viewer, ${room}`, limited);
    figures.add('another viewer meanwhile', free);
    await link.unlimit();
    const freedAtMs = performance.now();
    await untilWidth(ben, (width) => width === FULL.width, cora);
    figures.note(`the full picture was back, ${room},`, performance.now() - freedAtMs);
    return { limited, free };
  } finally {
    await leave();
  }
}

function untilWidth(
  viewer: BrowserParticipant,
  isWanted: (width: number) => boolean,
  other?: BrowserParticipant,
): Promise<void> {
  return eventually(async () => {
    const width = (await viewer.receivedVideo(ALICE))?.frameWidth ?? 0;
    if (isWanted(width)) return undefined;
    const elsewhere = (await other?.receivedVideo(ALICE))?.frameWidth;
    return `the picture is ${width} wide${other ? `, another viewer's ${String(elsewhere)}` : ''}`;
  }, SETTLE_TIMEOUT_MS);
}
