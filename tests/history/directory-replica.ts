import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(
  new URL('../../services/stream-directory/dist/main.js', import.meta.url),
);

/** A directory process that can be killed and started again at the same address. */
export class DirectoryReplica {
  #process: ChildProcess | undefined;

  constructor(
    readonly grpcAddress: string,
    private readonly natsUrl: string,
  ) {}

  async start(): Promise<void> {
    const child = spawn(process.execPath, [MAIN], {
      env: {
        SLUICE_GRPC_LISTEN: this.grpcAddress,
        SLUICE_NATS_URL: this.natsUrl,
        SLUICE_CLUSTER_SECRET: 'a secret of the cluster, long enough for it',
        SLUICE_NODE_SILENT_MS: '2000',
        SLUICE_NODE_LOST_MS: '2500',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process = child;
    for await (const line of createInterface({ input: child.stdout })) {
      if (!line.includes('"msg":"listening"')) continue;
      child.stdout.resume();
      return;
    }
    throw new Error('the directory ended before it listened');
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}
