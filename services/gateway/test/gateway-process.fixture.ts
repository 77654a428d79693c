import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { dyingWithUs } from '@sluice/testing';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export const TOKEN_SECRET = 'a secret of the tests, 32 characters or more';
export const CLUSTER_SECRET = 'another secret of the tests, as long as that';

export interface GatewayProcess {
  /** http://host:port */
  readonly http: string;
  /** ws://host:port/ws */
  readonly ws: string;
  readonly admin: string;
  /** Every line that it logged. */
  readonly lines: string[];
  /** Ends it and returns its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** The gateway as it runs, built from dist/, on free ports. */
export async function startGateway(
  environment: Readonly<Record<string, string>>,
): Promise<GatewayProcess> {
  const child = spawn(...dyingWithUs(process.execPath, [MAIN]), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      SLUICE_LISTEN: '127.0.0.1:0',
      SLUICE_LOG_LEVEL: 'info',
      SLUICE_TOKEN_SECRET: TOKEN_SECRET,
      SLUICE_CLUSTER_SECRET: CLUSTER_SECRET,
      ...environment,
    },
  });
  const exited = once(child, 'exit');
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
  const listening = new Promise<{ http: string; admin: string }>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      const entry = JSON.parse(line) as { msg?: string; http: string; admin: string };
      if (entry.msg === 'listening') resolve(entry);
    });
    void exited.then(() => reject(new Error(`the gateway ended:\n${lines.join('\n')}`)));
  });
  const { http, admin } = await listening;
  return {
    http,
    ws: `${http.replace(/^http/, 'ws')}/ws`,
    admin,
    lines,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      await exited;
      return child.exitCode;
    },
  };
}
