import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Figures } from './figures.js';
import { Namespace } from './namespace.js';
import { narrow } from './narrow.js';
import { FULL, Stage } from './stage.js';
import type { Wire } from './wire.js';

const lacks = Namespace.lacks();
const figures = new Figures('narrow-more');

let stage: Stage;
let wire: Wire;

describe.skipIf(lacks !== undefined)('narrow links', () => {
  beforeAll(async () => {
    const namespace = await Namespace.create();
    wire = await namespace.interpose();
    stage = await Stage.open('narrow', namespace);
  });

  afterAll(async () => {
    await stage.close();
    figures.write();
  });

  test.each([
    { codec: 'VP9', scalabilityMode: 'L3T3_KEY', told: true },
    { codec: 'AV1', scalabilityMode: 'L2T2', told: false },
  ] as const)('$codec, $scalabilityMode', async (svc) => {
    const room = `${svc.codec} ${svc.scalabilityMode}`;
    const { limited, free } = await narrow(stage, room, { svc }, figures, {
      limit: () => wire.impair({ kilobitsPerSecond: 300, queueMs: 300, delayMs: 20 }),
      unlimit: () => wire.impair({}),
    });
    expect(free.widths).toContain(FULL.width);
    expect(limited.widths).not.toContain(FULL.width);
    expect(limited.pictures).toBeGreaterThan(free.pictures / 4);
  });

  test('simulcast behind a token bucket, which lets short bursts pass', async () => {
    const { free } = await narrow(stage, 'token bucket', { layers: 2 }, figures, {
      limit: () => stage.namespace.limitDownlink(300),
      unlimit: () => stage.namespace.unlimitDownlink(),
    });
    expect(free.widths).toContain(FULL.width);
  });
});

if (lacks !== undefined) test('narrow links', (context) => context.skip(lacks));
