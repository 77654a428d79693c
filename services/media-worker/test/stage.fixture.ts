import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { PagePeer, launchBrowser, openPage } from './browser.fixture.js';
import { startTestCluster, type TestCluster } from './cluster.fixture.js';

/** What the tests of one file play on. */
export interface Stage {
  readonly cluster: TestCluster;
  /** Another one for each test. */
  readonly page: Page;
  /** That nobody of another test is in. */
  readonly room: string;
  /** Which test this is, from 1. */
  readonly turn: number;
  /** A PeerConnection of the page. */
  peer(name: string): PagePeer;
}

/**
 * A cluster without nodes, and a browser. To be called once, before a file's own hooks: those then
 * find everything there, also when they clear away.
 */
export function aStage(rooms = 'room'): Stage {
  let cluster: TestCluster;
  let browser: Browser;
  let page: Page;
  let turn = 0;

  beforeAll(async () => {
    [cluster, browser] = await Promise.all([startTestCluster(), launchBrowser()]);
  });
  afterAll(async () => {
    await browser.close();
    await cluster[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    turn += 1;
    page = await openPage(browser);
  });
  afterEach(async () => {
    await page.close();
  });
  return {
    get cluster() {
      return cluster;
    },
    get page() {
      return page;
    },
    get room() {
      return `${rooms}-${String(turn)}`;
    },
    get turn() {
      return turn;
    },
    peer: (name) => new PagePeer(page, name),
  };
}
