import { fileURLToPath } from 'node:url';
import { PageServer, launchChromium } from '@sluice/testing/browser';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Placed } from '../network/doorways.js';
import type { DataSaid } from './page/data-talk.js';
import type { Frame, Published, Subscribed } from './page/dialect-client.js';
import type { Received } from './page/received.js';

/** Where `tsc -b` puts the scripts of ./page. */
const PAGE_SCRIPTS = fileURLToPath(new URL('../dist/browser/page', import.meta.url));

/** A Chromium and the page that its participants open. */
export class BrowserKit {
  private constructor(
    readonly browser: Browser,
    private readonly pages: PageServer,
  ) {}

  /** @param place how the browser is run, where that is not simply here */
  static async open(place?: Placed): Promise<BrowserKit> {
    const pages = await PageServer.start(PAGE_SCRIPTS);
    return new BrowserKit(await launchChromium(place && { place }), pages);
  }

  /** Such as http://127.0.0.1:1234/ */
  get pageUrl(): string {
    return this.pages.url;
  }

  /** A new context of its own, as another person's browser, with an empty page. */
  async openPage(): Promise<Page> {
    const context = await this.browser.newContext();
    const page = await context.newPage();
    await page.goto(this.pages.url);
    return page;
  }

  /** A page with a connected client of the main dialect. */
  async participant(url: string, token: string): Promise<BrowserParticipant> {
    const page = await this.openPage();
    await page.addScriptTag({ url: '/dialect-client.js', type: 'module' });
    await page.waitForFunction('window.DialectClient !== undefined');
    await page.evaluate(
      async ([to, using]) => {
        window.client = await window.DialectClient.connect(to, using);
      },
      [url, token] as const,
    );
    return new BrowserParticipant(page);
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.pages.stop();
  }
}

/** A client of the main dialect in a page of its own. */
export class BrowserParticipant {
  constructor(readonly page: Page) {}

  get context(): BrowserContext {
    return this.page.context();
  }

  /** Resolves to the home node's id. */
  async join(room: string): Promise<string> {
    const joined = await this.page.evaluate((name) => window.client.join(name), room);
    return String(joined['node']);
  }

  publish(wanted: Published): Promise<void> {
    return this.page.evaluate((given) => window.client.publish(given), wanted);
  }

  unpublish(room: string, purpose?: string): Promise<void> {
    return this.page.evaluate(([name, of]) => window.client.unpublish(name!, of), [room, purpose]);
  }

  subscribe(wanted: Subscribed): Promise<void> {
    return this.page.evaluate((given) => window.client.subscribe(given), wanted);
  }

  unsubscribe(wanted: Subscribed): Promise<void> {
    return this.page.evaluate((given) => window.client.unsubscribe(given), wanted);
  }

  request(message: { readonly type: string; readonly [field: string]: unknown }): Promise<Frame> {
    return this.page.evaluate((given) => window.client.request(given), message);
  }

  until(type: string, fields: Record<string, unknown> = {}): Promise<Frame> {
    return this.page.evaluate(([of, having]) => window.client.until(of, having), [
      type,
      fields,
    ] as const);
  }

  frames(type: string): Promise<Frame[]> {
    return this.page.evaluate(
      (of) => window.client.frames.filter((frame) => frame.type === of),
      type,
    );
  }

  received(wanted: Omit<Subscribed, 'room'>): Promise<Received[]> {
    return this.page.evaluate((given) => window.client.received(given), wanted);
  }

  async receivedVideo(wanted: Omit<Subscribed, 'room'>): Promise<Received | undefined> {
    return (await this.received(wanted)).find(({ kind }) => kind === 'video');
  }

  async receivedAudio(wanted: Omit<Subscribed, 'room'>): Promise<Received | undefined> {
    return (await this.received(wanted)).find(({ kind }) => kind === 'audio');
  }

  /** On all its data channels. */
  say(messages: readonly DataSaid[]): Promise<void> {
    return this.page.evaluate((given) => window.client.talk.say(given), messages);
  }

  talk(): Promise<{ readonly heard: readonly string[]; readonly open: readonly string[] }> {
    return this.page.evaluate(() => {
      const { heard, open } = window.client.talk;
      return { heard, open };
    });
  }

  hush(): Promise<void> {
    return this.page.evaluate(() => window.client.talk.hush());
  }

  /** Leaves as a closed tab does. */
  async leave(): Promise<void> {
    await this.page.evaluate(() => window.client.close());
    await this.context.close();
  }
}
