import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Placed } from '../../network/doorways.js';
import type { Command, Reply } from '../page/commands.js';
import { Bidi } from './bidi.js';
import type { InteropClient } from './client.js';

const PREFERENCES: Readonly<Record<string, boolean | number | string>> = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.gmp-manager.updateEnabled': false,
  'app.normandy.enabled': false,
  'app.update.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'toolkit.telemetry.reportingpolicy.firstRun': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};
const START_TIMEOUT_MS = 60_000;

/** A headless Firefox with fake camera and microphone. */
export class Firefox {
  private constructor(
    private readonly child: ChildProcessByStdio<null, null, Readable>,
    private readonly profile: string,
    private readonly bidi: Bidi,
    readonly version: string,
  ) {}

  /** @param show is told of the port on which it is driven, where that is on another loopback */
  static async open(place: Placed, show?: (port: number) => Promise<void>): Promise<Firefox> {
    const profile = mkdtempSync(join(tmpdir(), 'sluice-firefox-'));
    const lines = Object.entries(PREFERENCES).map(
      ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
    );
    writeFileSync(join(profile, 'user.js'), lines.join('\n'));
    const options = ['--headless', '--no-remote', '--remote-debugging-port=0'];
    const [command, args] = place('firefox-esr', [...options, '--profile', profile]);
    const child = spawn(command, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, HOME: profile },
    });
    try {
      const url = await bidiUrl(child.stderr);
      await show?.(Number(new URL(url).port));
      const { bidi, browser } = await Bidi.connect(url);
      return new Firefox(child, profile, bidi, browser);
    } catch (error) {
      child.kill('SIGKILL');
      rmSync(profile, { recursive: true, force: true });
      throw error;
    }
  }

  /** A client in a page of its own. */
  async client(pageUrl: string): Promise<InteropClient> {
    const { bidi, version } = this;
    const page = await bidi.openPage(pageUrl);
    await bidi.evaluate(page, `import('/page-client.js').then(() => 'there')`);
    return {
      version,
      run: async (command: Command): Promise<Reply> => {
        const expression = `window.interop.run(${JSON.stringify(command)}).then(JSON.stringify)`;
        return JSON.parse(await bidi.evaluate(page, expression)) as Reply;
      },
      stop: () => bidi.closePage(page),
    };
  }

  async close(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.bidi.close();
    this.child.kill('SIGTERM');
    await exited;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function bidiUrl(stderr: Readable): Promise<string> {
  const late = AbortSignal.timeout(START_TIMEOUT_MS);
  const lines = createInterface(stderr);
  // What follows is read and dropped, so that the browser never waits for us.
  stderr.on('end', () => lines.close());
  return new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      const url = /WebDriver BiDi listening on (ws:\S+)/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
    lines.on('close', () => reject(new Error('Firefox ended')));
    late.addEventListener('abort', () => reject(new Error('Firefox took too long to start')));
  });
}
