import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { ShownTile } from '../browser/console-page.js';
import {
  installPageProbe,
  type PictureReading,
  type SignalingReading,
  type SoundReading,
  type StreamReading,
} from './page-probe.js';

interface Shown {
  readonly page: string;
  readonly problem: string | null;
  readonly status: string | null;
  readonly node: string | null;
  readonly tiles: readonly ShownTile[];
}

export interface Joining {
  /** The page, with room and token in its fragment; the token says who it is. */
  readonly link: string;
  readonly name: string;
  readonly camera: boolean;
}

/** bypassCSP lets the probe in; a test's own certificate is of no authority. */
const PAGE_OPTIONS = { bypassCSP: true, ignoreHTTPSErrors: true };

/** Somebody who calls by the web console, as a person does; the page obeys `move`. */
export class Caller {
  private constructor(
    readonly name: string,
    private readonly context: BrowserContext,
    private readonly page: Page,
  ) {}

  static async join(browser: Browser, { link, name, camera }: Joining): Promise<Caller> {
    const context = await browser.newContext(PAGE_OPTIONS);
    await context.addInitScript(installPageProbe);
    const page = await context.newPage();
    await page.goto(link);
    if (!camera) await page.getByTestId('toggle-camera').click();
    await page.getByTestId('join').click();
    return new Caller(name, context, page);
  }

  /** The console's own word on what it shows. */
  shown(): Promise<Shown> {
    return this.page.evaluate(() =>
      (window as unknown as { sluiceConsole: { state(): Shown } }).sluiceConsole.state(),
    );
  }

  async node(): Promise<string> {
    return (await this.shown()).node ?? '';
  }

  /** Pictures decoded of each of the others who sends some. */
  async framesDecoded(): Promise<ReadonlyMap<string, number>> {
    const { tiles } = await this.shown();
    const others = tiles.filter(({ own }) => !own);
    return new Map(others.map((tile) => [tile.publisherId, tile.framesDecoded]));
  }

  beginGaps(): Promise<void> {
    return this.page.evaluate(() => window.faultProbe.begin());
  }

  gaps(): Promise<readonly StreamReading[]> {
    return this.page.evaluate(() => window.faultProbe.read());
  }

  sounds(): Promise<readonly SoundReading[]> {
    return this.page.evaluate(() => window.faultProbe.sounds());
  }

  signaling(): Promise<SignalingReading> {
    return this.page.evaluate(() => window.faultProbe.signaling());
  }

  sources(): Promise<readonly string[]> {
    return this.page.evaluate(() => window.faultProbe.sources());
  }

  pictures(): Promise<PictureReading> {
    return this.page.evaluate(() => window.faultProbe.pictures());
  }

  serverPorts(): Promise<readonly number[]> {
    return this.page.evaluate(() => window.faultProbe.serverPorts());
  }

  /** As a closed tab does. */
  close(): Promise<void> {
    return this.context.close();
  }
}
