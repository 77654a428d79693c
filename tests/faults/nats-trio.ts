import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dyingWithUs, eventually, freePort } from '@sluice/testing';

interface Member {
  readonly name: string;
  readonly args: readonly string[];
  readonly monitorPort: number;
  process: ChildProcess;
}

interface JetStreamReport {
  readonly meta_cluster?: { readonly leader?: string };
  readonly account_details?: readonly {
    readonly stream_detail?: readonly {
      readonly name: string;
      readonly cluster?: { readonly leader?: string };
    }[];
  }[];
}

const START_TIMEOUT_MS = 20_000;

/** Three NATS servers that keep JetStream's data together. */
export class NatsTrio {
  private constructor(
    /** All three, as clients are given them. */
    readonly url: string,
    private readonly members: readonly Member[],
    private readonly folder: string,
  ) {}

  static async start(): Promise<NatsTrio> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-trio-'));
    const names = ['nats-a', 'nats-b', 'nats-c'];
    const ports = await Promise.all(
      names.map(async () => [await freePort(), await freePort(), await freePort()] as const),
    );
    const routes = ports.map(([, route]) => `nats://127.0.0.1:${route}`).join(',');
    const members = names.map((name, index) => {
      const [client, route, monitorPort] = ports[index]!;
      const args = [
        ...['-n', name, '-a', '127.0.0.1', '-p', String(client), '-m', String(monitorPort)],
        ...['-js', '-sd', join(folder, name), '--cluster_name', 'drill'],
        ...['--cluster', `nats://127.0.0.1:${route}`, '--routes', routes],
      ];
      return { name, args, monitorPort, process: launch(args) };
    });
    const url = ports.map(([client]) => `nats://127.0.0.1:${client}`).join(',');
    const trio = new NatsTrio(url, members, folder);
    try {
      await trio.#agreed();
    } catch (error) {
      await trio.stop();
      throw error;
    }
    return trio;
  }

  /** The server that leads what is kept under that name. */
  async leaderOf(stream: string): Promise<string> {
    const reports = await Promise.all(this.members.filter(runs).map(reportOf));
    const leaders = reports
      .flatMap(({ account_details: accounts }) => accounts ?? [])
      .flatMap(({ stream_detail: streams }) => streams ?? [])
      .filter(({ name }) => name === stream)
      .map(({ cluster }) => cluster?.leader);
    const leader = leaders.find((name) => name !== undefined);
    if (leader === undefined) throw new Error(`nobody leads ${stream}`);
    return leader;
  }

  async kill(name: string): Promise<void> {
    await end(this.#member(name), 'SIGKILL');
  }

  async restart(name: string): Promise<void> {
    const member = this.#member(name);
    member.process = launch(member.args);
    await this.#agreed();
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => end(member, 'SIGKILL')));
    rmSync(this.folder, { recursive: true, force: true });
  }

  #member(name: string): Member {
    const member = this.members.find((one) => one.name === name);
    if (!member) throw new Error(`there is no ${name}`);
    return member;
  }

  /** Waits until all that run know one leader. */
  async #agreed(): Promise<void> {
    await eventually(async () => {
      const reports = await Promise.all(this.members.filter(runs).map(reportOf));
      const leaders = new Set(reports.map(({ meta_cluster: meta }) => meta?.leader ?? ''));
      return leaders.size === 1 && !leaders.has('') ? undefined : 'there is no leader yet';
    }, START_TIMEOUT_MS);
  }
}

function launch(args: readonly string[]): ChildProcess {
  const binary = process.env['SLUICE_NATS_SERVER'] ?? 'nats-server';
  return spawn(...dyingWithUs(binary, args), { stdio: 'ignore' });
}

function runs({ process: server }: Member): boolean {
  return server.exitCode === null && server.signalCode === null;
}

async function reportOf({ monitorPort }: Member): Promise<JetStreamReport> {
  const url = `http://127.0.0.1:${monitorPort}/jsz?accounts=true&streams=true`;
  return (await (await fetch(url)).json()) as JetStreamReport;
}

async function end(member: Member, signal: NodeJS.Signals): Promise<void> {
  if (!runs(member)) return;
  const exited = once(member.process, 'exit');
  member.process.kill(signal);
  await exited;
}
