export { launchChromium } from './chromium.js';
export type { ChromiumOptions } from './chromium.js';
export { PageServer } from './page-server.js';
