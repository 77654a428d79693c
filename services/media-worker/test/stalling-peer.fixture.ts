import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createInterface, type Interface } from 'node:readline';

/** Answers the offers of its standard input, one a line, and says what it is told. */
const PROGRAM = `
import { createInterface } from 'node:readline';
import rtc from 'node-datachannel';
const say = (said) => process.stdout.write(JSON.stringify(said) + '\\n');
const peer = new rtc.PeerConnection('stalling', { iceServers: [], disableAutoNegotiation: true });
peer.onDataChannel((channel) => {
  channel.onMessage(() => undefined);
  channel.onClosed(() => say('closed'));
  say('opened');
});
peer.onGatheringStateChange((state) => {
  if (state === 'complete') say({ answer: peer.localDescription().sdp });
});
for await (const line of createInterface(process.stdin)) {
  peer.setRemoteDescription(JSON.parse(line), 'offer');
  peer.setLocalDescription('answer');
}`;

/** A client in a process of its own, which can stop reading without closing anything. */
export class StallingPeer {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string, undefined>;
  readonly #reader: Interface;

  constructor() {
    const cwd = fileURLToPath(new URL('..', import.meta.url));
    this.#process = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], { cwd });
    this.#reader = createInterface(this.#process.stdout);
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async answer(offer: string): Promise<string> {
    this.#process.stdin.write(`${JSON.stringify(offer)}\n`);
    const { answer } = (await this.#next()) as { readonly answer: string };
    return answer;
  }

  async says(what: 'opened' | 'closed'): Promise<void> {
    const said = await this.#next();
    if (said !== what) throw new Error(`it said ${JSON.stringify(said)}`);
  }

  stall(): void {
    this.#process.kill('SIGSTOP');
  }

  resume(): void {
    this.#process.kill('SIGCONT');
  }

  close(): void {
    this.#reader.close();
    this.#process.kill('SIGKILL');
  }

  async #next(): Promise<unknown> {
    const next: IteratorResult<string, undefined> = await this.#lines.next();
    if (next.done) throw new Error('the process has ended');
    return JSON.parse(next.value);
  }
}
