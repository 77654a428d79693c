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

  test('simulcast, smoothly and the small picture alone', async () => {
    const { limited, free } = await narrow(stage, 'simulcast again', { layers: 2 }, figures, {
      limit: () => wire.impair({ kilobitsPerSecond: 300, queueMs: 300, delayMs: 20 }),
      unlimit: () => wire.impair({}),
    });
    expect(free.widths).toContain(FULL.width);
    expect(limited.widths).toEqual([FULL.width / 2]);
    expect(limited.longestStillMs).toBeLessThanOrEqual(1_000);
  });

  test('AV1 in one stream of layers', async () => {
    const svc = { codec: 'AV1', scalabilityMode: 'L2T2', told: true } as const;
    const { limited, free } = await narrow(stage, 'AV1 L2T2', { svc }, figures, {
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
