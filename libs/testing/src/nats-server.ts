import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { dyingWithUs } from './dying-with-us.js';

export interface NatsServer {
  readonly url: string;
  readonly process: ChildProcess;
  /** Ends it, by its id, and removes its data. */
  stop(): Promise<void>;
  /** Ends it with SIGKILL and starts it again on the same port, with its data or with none. */
  restart(options?: { readonly wipe?: boolean }): Promise<void>;
}

/**
 * A real nats-server with JetStream on a free loopback port. The binary is `SLUICE_NATS_SERVER`, or
 * what PATH has.
 */
export async function startNatsServer(
  options: { /** Further arguments, such as for TLS. */ readonly args?: readonly string[] } = {},
): Promise<NatsServer> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'sluice-nats-'));
  const { args = [] } = options;
  const { port, server } = await launchOnFreePort(dataFolder, args);
  let running = server;
  const end = async (signal: NodeJS.Signals) => {
    if (running.exitCode !== null || running.signalCode !== null) return;
    const exited = once(running, 'exit');
    running.kill(signal);
    await exited;
  };
  return {
    url: `nats://127.0.0.1:${String(port)}`,
    get process() {
      return running;
    },
    async stop() {
      await end('SIGTERM');
      rmSync(dataFolder, { recursive: true, force: true });
    },
    async restart(options = {}) {
      await end('SIGKILL');
      if (options.wipe) rmSync(dataFolder, { recursive: true, force: true });
      running = await launch(port, dataFolder, args);
    },
  };
}

/** The free port may be somebody else's by the time that the server takes it. */
async function launchOnFreePort(
  dataFolder: string,
  args: readonly string[],
): Promise<{ port: number; server: ChildProcess }> {
  for (;;) {
    const port = await freePort();
    try {
      return { port, server: await launch(port, dataFolder, args) };
    } catch (error) {
      if (!(error instanceof Error && error.message.includes('address already in use')))
        throw error;
    }
  }
}

async function launch(
  port: number,
  dataFolder: string,
  args: readonly string[],
): Promise<ChildProcess> {
  const binary = process.env['SLUICE_NATS_SERVER'] ?? 'nats-server';
  const listen = ['-a', '127.0.0.1', '-p', String(port)];
  const server = spawn(...dyingWithUs(binary, [...listen, '-js', '-sd', dataFolder, ...args]), {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await once(server, 'spawn');
  const lines: string[] = [];
  for await (const line of createInterface({ input: server.stderr })) {
    lines.push(line);
    if (line.includes('Server is ready')) {
      server.stderr.resume();
      return server;
    }
  }
  throw new Error(`nats-server did not start:\n${lines.join('\n')}`);
}

/** Below the range from which systems draw their own. */
const LOWEST_PORT = 10_000;
const PORTS = 20_000;
/** Test runners that may look for ports at the same time: each has some of its own. */
const RUNNERS = 16;
const PORTS_OF_ONE = PORTS / RUNNERS;

const runner = Number(process.env['VITEST_POOL_ID'] ?? 0) % RUNNERS;
let drawn = Math.floor(Math.random() * PORTS_OF_ONE);

/**
 * A loopback TCP port that was free just now. Nobody else who runs beside us is given the same, and we
 * are not for long: what asks for a port may take it a while later.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    drawn = (drawn + 1) % PORTS_OF_ONE;
    const port = LOWEST_PORT + runner * PORTS_OF_ONE + drawn;
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => {
      const bound = server.address() as AddressInfo;
      server.close(() => resolve(bound.port === port));
    });
  });
}
