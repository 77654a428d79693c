import { eventually } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BrowserParticipant } from '../browser/participant.js';
import { Figures } from './figures.js';
import { Namespace } from './namespace.js';
import { ALICE, FULL, ORIGIN, Stage, bitrateOf } from './stage.js';
import { watch } from './watch.js';

const LIMITED_MS = 20_000;
const SETTLE_TIMEOUT_MS = 120_000;
/** What the full picture takes by then. */
const MORE_THAN_LIMIT_BPS = 400_000;
const lacks = Namespace.lacks();

let stage: Stage;
const figures = new Figures('narrow');

describe.skipIf(lacks !== undefined)('a narrow link', () => {
  beforeAll(async () => {
    stage = await Stage.open('narrow', await Namespace.create());
  });

  afterAll(async () => {
    await stage.close();
    figures.write();
  });

  test('a viewer with 300 kbit/s keeps a smooth small picture, others the full one', async () => {
    const { ben, cora, leave } = await stage.threeIn('narrow', { corasNode: ORIGIN, layers: 2 });
    // Encoders take some seconds to get up to what they may use.
    await eventually(async () => {
      const bitrateBps = await bitrateOf(cora);
      return bitrateBps > MORE_THAN_LIMIT_BPS ? undefined : `she gets ${bitrateBps} bit/s`;
    }, SETTLE_TIMEOUT_MS);
    await stage.namespace.limitDownlink(300);
    await untilWidth(ben, FULL.width / 2);
    const [limited, free] = await Promise.all([
      watch(ben, 'alice', LIMITED_MS),
      watch(cora, 'alice', LIMITED_MS),
    ]);
    await stage.namespace.unlimitDownlink();
    const freedAtMs = performance.now();
    await untilWidth(ben, FULL.width);
    const recoveryMs = performance.now() - freedAtMs;

    figures.add('300 kbit/s to a viewer of two layers', limited);
    figures.add('another viewer meanwhile', free);
    figures.note('the full picture was back', recoveryMs);
    expect(free.widths).toEqual([FULL.width]);
    expect(limited.widths).toEqual([FULL.width / 2]);
    expect(limited.longestStillMs).toBeLessThanOrEqual(1_000);
    expect(limited.pictures).toBeGreaterThan(free.pictures / 2);
    await leave();
  });
});

if (lacks !== undefined) test('a narrow link', (context) => context.skip(lacks));

function untilWidth(viewer: BrowserParticipant, width: number): Promise<void> {
  return eventually(async () => {
    const seen = (await viewer.receivedVideo(ALICE))?.frameWidth;
    return seen === width ? undefined : `the picture is ${String(seen)} wide`;
  }, SETTLE_TIMEOUT_MS);
}
