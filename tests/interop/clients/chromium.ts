import type { Browser } from 'playwright-core';
import type { Reply } from '../page/commands.js';
import type { InteropClient } from './client.js';

/** A client in a page of its own. */
export async function chromiumClient(browser: Browser, pageUrl: string): Promise<InteropClient> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(pageUrl);
  await page.addScriptTag({ url: '/page-client.js', type: 'module' });
  await page.waitForFunction('window.interop !== undefined');
  return {
    version: `Chromium ${browser.version()}`,
    run: (command): Promise<Reply> => page.evaluate((given) => window.interop.run(given), command),
    stop: () => context.close(),
  };
}
