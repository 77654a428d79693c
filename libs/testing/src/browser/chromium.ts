import { chromium, type Browser } from 'playwright-core';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  // Pages of a test are all in the background.
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
  '--autoplay-policy=no-user-gesture-required',
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
];

export interface ChromiumOptions {
  /** What a page gets when it asks for the screen, by the window's title. */
  readonly capturedTitle?: string;
}

/** A headless Chromium with a fake camera (20 frames a second) and a microphone that beeps. The caller closes it. */
export function launchChromium(options: ChromiumOptions = {}): Promise<Browser> {
  const capture =
    options.capturedTitle === undefined
      ? []
      : [`--auto-select-tab-capture-source-by-title=${options.capturedTitle}`];
  return chromium.launch({
    executablePath: process.env['SLUICE_CHROMIUM'] ?? '/usr/bin/chromium',
    args: [...FLAGS, ...capture],
  });
}
