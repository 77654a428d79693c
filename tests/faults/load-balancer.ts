import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dyingWithUs, eventually, freePort } from '@sluice/testing';

/** haproxy in front of gateways, set up as an operator would. */
export class LoadBalancer {
  private constructor(
    /** Such as http://127.0.0.1:8080 */
    readonly origin: string,
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {}

  /** @param gateways host:port of each */
  static async start(gateways: readonly string[]): Promise<LoadBalancer> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-balancer-'));
    const port = await freePort();
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(file, configuration(port, gateways));
    const child = spawn(...dyingWithUs('haproxy', ['-db', '-f', file]), {
      stdio: 'ignore',
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin` },
    });
    await once(child, 'spawn');
    const balancer = new LoadBalancer(`http://127.0.0.1:${port}`, child, folder);
    try {
      await eventually(() => accepts(port));
    } catch (error) {
      await balancer.stop();
      throw error;
    }
    return balancer;
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const exited = once(this.process, 'exit');
      this.process.kill('SIGTERM');
      await exited;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function configuration(port: number, gateways: readonly string[]): string {
  const servers = gateways.map(
    (address, index) => `  server gateway-${index + 1} ${address} check`,
  );
  return `defaults
  mode http
  timeout connect 1s
  timeout client 1h
  timeout server 1h
  retries 2
  option redispatch 1
  option forwardfor
listen gateways
  bind 127.0.0.1:${port}
  balance roundrobin
  option httpchk GET /health
  default-server inter 200ms fall 2 rise 1 on-marked-down shutdown-sessions
${servers.join('\n')}
`;
}

function accepts(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error) => resolve(error.message));
  });
}
