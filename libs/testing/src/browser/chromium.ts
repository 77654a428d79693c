import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  /** How a command is run where the browser shall be, such as in a network namespace. */
  readonly place?: (program: string, args: readonly string[]) => readonly [string, string[]];
}

/** A headless Chromium with a fake camera (20 frames a second) and a microphone that beeps. The caller closes it. */
export async function launchChromium(options: ChromiumOptions = {}): Promise<Browser> {
  const program = process.env['SLUICE_CHROMIUM'] ?? '/usr/bin/chromium';
  const folder = mkdtempSync(join(tmpdir(), 'sluice-chromium-'));
  try {
    return await chromium.launch({
      executablePath: options.place ? scriptOf(options.place(program, []), folder) : program,
      args: FLAGS,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Playwright starts one executable file and nothing else. */
function scriptOf([command, args]: readonly [string, string[]], folder: string): string {
  const path = join(folder, 'chromium');
  writeFileSync(path, `#!/bin/sh\nexec ${command} ${args.join(' ')} "$@"\n`, { mode: 0o700 });
  return path;
}
