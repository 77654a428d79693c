import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@sluice/testing';
import type { Browser, Page } from 'playwright-core';
import type { JoinMarks } from '../page/join.js';
import type { System } from '../systems.js';

/** One join, with the time that each of its phases took, in milliseconds. */
export interface Join {
  readonly authenticate: number;
  readonly enterRoom: number;
  readonly subscribe: number;
  readonly connect: number;
  readonly firstPacket: number;
  readonly firstFrame: number;
  readonly total: number;
}

export interface Joins {
  readonly sluice: { readonly near: readonly Join[]; readonly far: readonly Join[] };
  readonly plain: { readonly near: readonly Join[]; readonly far: readonly Join[] };
}

interface Collected {
  readonly near: Join[];
  readonly far: Join[];
}

const ROOM = 'bench';
const PUBLISHER = 'publisher';
/** A first few joins, which pay for what later ones find warm, are not counted. */
const WARM_UP_JOINS = 2;
/**
 * Between two joins. Both systems and the browser answer requests for key frames that come in quick
 * succession by one key frame, so that a burst of joins measures who came first.
 */
const PAUSE_MS = 700;

/** Joins the two systems by turns, on the publisher's node and across, until each has enough. */
export async function measureJoins(
  browser: Browser,
  pageUrl: string,
  systems: { readonly sluice: System; readonly plain: System },
  wanted: number,
): Promise<Joins> {
  const sluice = await Bystander.open(browser, pageUrl, systems.sluice);
  const plain = await Bystander.open(browser, pageUrl, systems.plain);
  const enough = ({ near, far }: Collected) => Math.min(near.length, far.length) >= wanted;
  const roundsMax = 2 * (wanted + WARM_UP_JOINS) + 10;
  for (let round = 0; round < roundsMax; round += 1) {
    if (enough(sluice.collected) && enough(plain.collected)) break;
    // The cluster spreads sessions over its nodes by turns; the plain program goes where it is told.
    const counted = round >= 2 * WARM_UP_JOINS;
    await sluice.join(round % 2 === 1, counted);
    await plain.join(round % 2 === 1, counted);
  }
  const joins = { sluice: first(sluice.collected, wanted), plain: first(plain.collected, wanted) };
  await sluice.close();
  await plain.close();
  return joins;
}

/** A publisher in a page of its own, and a page that joins and leaves. */
class Bystander {
  readonly collected: Collected = { near: [], far: [] };
  #joins = 0;

  private constructor(
    private readonly system: System,
    private readonly publisher: Page,
    private readonly joiner: Page,
    private readonly publisherNode: string,
  ) {}

  static async open(browser: Browser, url: string, system: System): Promise<Bystander> {
    const [publisher, joiner] = [await openPage(browser, url), await openPage(browser, url)];
    const token = await system.token(PUBLISHER, true);
    const node = await publisher.evaluate(
      ([to, using, room]) => window.bench.publish(to, using, room),
      [system.url, token, ROOM] as const,
    );
    return new Bystander(system, publisher, joiner, node);
  }

  async join(near: boolean, counted: boolean): Promise<void> {
    this.#joins += 1;
    const token = await this.system.token(`viewer-${this.#joins}`, near);
    const marks = await this.joiner.evaluate(
      ([to, using, room, publisher]) => window.bench.join(to, using, room, publisher),
      [this.system.url, token, ROOM, PUBLISHER] as const,
    );
    if (counted) {
      const where = marks.node === this.publisherNode ? 'near' : 'far';
      this.collected[where].push(phasesOf(marks));
    }
    await eventually(async () => {
      const relays = await this.system.relays();
      return relays === 0 ? undefined : `${relays} relays are left`;
    });
    await delay(PAUSE_MS);
  }

  async close(): Promise<void> {
    await this.publisher.context().close();
    await this.joiner.context().close();
  }
}

async function openPage(browser: Browser, url: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(url);
  await page.addScriptTag({ url: '/join.js', type: 'module' });
  await page.waitForFunction('window.bench !== undefined');
  return page;
}

function phasesOf(marks: JoinMarks): Join {
  return {
    authenticate: marks.authenticatedMs,
    enterRoom: marks.joinedMs - marks.authenticatedMs,
    subscribe: marks.offeredMs - marks.joinedMs,
    connect: marks.connectedMs - marks.offeredMs,
    firstPacket: Math.max(0, marks.firstPacketMs - marks.connectedMs),
    firstFrame: marks.firstFrameMs - Math.max(marks.firstPacketMs, marks.connectedMs),
    total: marks.firstFrameMs,
  };
}

function first({ near, far }: Collected, wanted: number): Collected {
  return { near: near.slice(0, wanted), far: far.slice(0, wanted) };
}
