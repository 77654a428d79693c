import type { Browser, Page } from 'playwright-core';

/** One stream as the console shows it; the console's README describes all of it. */
export interface ShownTile {
  readonly publisherId: string;
  readonly purpose: string;
  readonly own: boolean;
  readonly path: readonly string[];
  readonly width: number;
  readonly height: number;
  readonly framesDecoded: number;
  readonly totalAudioEnergy: number;
}

interface Shown {
  readonly page: string;
  readonly problem: string | null;
  readonly status: string | null;
  readonly self: { readonly id: string } | null;
  readonly node: string | null;
  readonly tiles: readonly ShownTile[];
}

/** Somebody who has opened the console in a browser of their own. */
export class ConsolePage {
  /** What went wrong in the page itself. */
  readonly errors: string[] = [];

  private constructor(readonly page: Page) {
    page.on('pageerror', (error) => this.errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text());
    });
  }

  /** Opens the link and joins under that name, as a person does. */
  static async join(browser: Browser, link: string, name: string): Promise<ConsolePage> {
    const context = await browser.newContext();
    const opened = new ConsolePage(await context.newPage());
    await opened.page.goto(link);
    await opened.page.getByTestId('name').fill(name);
    await opened.page.getByTestId('join').click();
    return opened;
  }

  /** The console's own word on what it shows. */
  async shown(): Promise<Shown> {
    return this.page.evaluate(() =>
      (window as unknown as { sluiceConsole: { state(): Shown } }).sluiceConsole.state(),
    );
  }

  /** Of somebody else; undefined while there is none. */
  async remoteTile(purpose: string): Promise<ShownTile | undefined> {
    const { tiles } = await this.shown();
    return tiles.find((tile) => !tile.own && tile.purpose === purpose);
  }

  /** The size of the own camera's picture. */
  async cameraSize(): Promise<{ readonly width: number; readonly height: number }> {
    return this.page.evaluate(() => {
      const videos = [...document.querySelectorAll('video')];
      const own = videos.find(
        ({ srcObject }) =>
          srcObject instanceof MediaStream &&
          srcObject.getVideoTracks().some((track) => track.getSettings().deviceId !== undefined),
      );
      return { width: own?.videoWidth ?? 0, height: own?.videoHeight ?? 0 };
    });
  }

  async shareScreen(): Promise<void> {
    await this.page.getByTestId('share-screen').click();
  }

  async openChat(): Promise<void> {
    await this.page.getByTestId('chat').click();
    await this.page.getByTestId('chat-panel').waitFor();
  }

  async write(text: string): Promise<void> {
    await this.page.getByTestId('chat-text').fill(text);
    await this.page.getByTestId('chat-text').press('Enter');
  }

  /** What the open chat shows. */
  lines(): Promise<string[]> {
    return this.page.getByTestId('chat-line').allInnerTexts();
  }

  async leave(): Promise<void> {
    await this.page.getByTestId('leave').click();
  }
}
