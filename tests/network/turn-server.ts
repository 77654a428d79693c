import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { freePort } from '@sluice/testing';

const USERNAME = 'interop';

/** A coturn of its own; its caller stops it. */
export class TurnServer {
  readonly username = USERNAME;
  readonly password = randomBytes(12).toString('hex');
  readonly #folder = mkdtempSync(join(tmpdir(), 'sluice-turn-'));
  #child: ChildProcessByStdio<null, Readable, null> | undefined;
  #log = '';

  private constructor(
    readonly host: string,
    readonly port: number,
  ) {}

  static async start(host: string): Promise<TurnServer> {
    const server = new TurnServer(host, await freePort());
    await server.#start();
    return server;
  }

  /** Whether it passes packets on between somebody and that address. */
  relaysTo(address: string): boolean {
    const peer = address.replaceAll('.', '\\.');
    // By a permission or, with a port, by a channel.
    return new RegExp(`peer ${peer}(?::\\d+)? lifetime updated`).test(this.#log);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    const options = [
      '-n --no-cli --no-tls --no-dtls --no-rfc5780 --verbose --log-file stdout --simple-log',
      `--listening-ip ${this.host} --listening-port ${this.port} --relay-ip ${this.host}`,
      `--lt-cred-mech --realm sluice.test --user ${USERNAME}:${this.password}`,
      `--pidfile ${join(this.#folder, 'pid')} --userdb ${join(this.#folder, 'users')}`,
    ];
    // Line by line, or we would hear of the first ones when the last ones come.
    const line = `-oL turnserver ${options.join(' ')}`.split(' ');
    const child = spawn('stdbuf', line, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child = child;
    child.stdout.setEncoding('utf8');
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`coturn ended:\n${this.#log}`)));
      child.stdout.on('data', (text: string) => {
        this.#log += text;
        if (this.#log.includes('UDP listener opened')) resolve();
      });
    });
  }
}
