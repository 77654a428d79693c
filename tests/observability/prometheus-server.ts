import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningService } from '@sluice/local-cluster';
import { dyingWithUs, eventually, freePort } from '@sluice/testing';
import { stringify } from 'yaml';
import { RULES_FOLDER } from './queries.js';

/** One line of a graph. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since 1970, and what was then. */
  readonly points: readonly (readonly [number, number])[];
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly value?: readonly [number, string];
      readonly values?: readonly (readonly [number, string])[];
    }[];
  };
}

export interface LoadedRule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
}

/** A real Prometheus that scrapes a local cluster once a second, with the rules of the chart. */
export class PrometheusServer {
  private constructor(
    private readonly origin: string,
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start(running: readonly RunningService[]): Promise<PrometheusServer> {
    const services = running.filter(({ addresses }) => addresses['admin'] !== undefined);
    const folder = mkdtempSync(join(tmpdir(), 'sluice-prometheus-'));
    const port = await freePort();
    writeFileSync(join(folder, 'prometheus.yml'), configuration(services));
    const child = spawn(
      ...dyingWithUs('prometheus', [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=error',
      ]),
      { stdio: 'ignore' },
    );
    await once(child, 'spawn');
    const server = new PrometheusServer(`http://127.0.0.1:${port}`, child, folder);
    try {
      await eventually(() => server.#readiness(services.length), 30_000);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** What a query gives now; without what is no number. */
  async query(expr: string): Promise<Series[]> {
    const { data } = await this.#get<Answer>('query', { query: expr });
    return toSeries(data);
  }

  /** What it gave over the last `seconds`. */
  async queryRange(expr: string, seconds: number): Promise<Series[]> {
    const end = Date.now() / 1_000;
    const range = { start: String(end - seconds), end: String(end), step: '1' };
    const { data } = await this.#get<Answer>('query_range', { query: expr, ...range });
    return toSeries(data);
  }

  async rules(): Promise<LoadedRule[]> {
    interface Groups {
      readonly data: { readonly groups: readonly { readonly rules: readonly LoadedRule[] }[] };
    }
    const { data } = await this.#get<Groups>('rules', {});
    return data.groups.flatMap((group) => group.rules);
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const exited = once(this.process, 'exit');
      this.process.kill('SIGTERM');
      await exited;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #get<Body>(path: string, parameters: Record<string, string>): Promise<Body> {
    const query = new URLSearchParams(parameters).toString();
    const response = await fetch(`${this.origin}/api/v1/${path}?${query}`);
    const body = (await response.json()) as Body & { status: string; error?: string };
    if (body.status !== 'success') throw new Error(`${parameters['query']}: ${body.error}`);
    return body;
  }

  /** Once it has scraped them: what counts before is no rise to it. */
  async #readiness(targets: number): Promise<string | undefined> {
    try {
      const scraped = (await this.query('up == 1')).length;
      return scraped === targets ? undefined : `${scraped} of ${targets} are scraped`;
    } catch (error) {
      return String(error);
    }
  }
}

function toSeries({ result }: Answer['data']): Series[] {
  return result
    .map(({ metric, value, values }) => ({
      labels: metric,
      points: (values ?? (value ? [value] : []))
        .map(([at, text]) => [at, Number(text)] as const)
        .filter(([, number]) => Number.isFinite(number)),
    }))
    .filter(({ points }) => points.length > 0);
}

function configuration(services: readonly RunningService[]): string {
  return stringify({
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: ['recording-rules.yaml', 'alerts.yaml'].map((file) => join(RULES_FOLDER, file)),
    scrape_configs: [
      {
        job_name: 'sluice',
        static_configs: services.map(({ name, addresses }) => ({
          targets: [new URL(addresses['admin'] ?? '').host],
          labels: { namespace: 'local', pod: name },
        })),
      },
    ],
  });
}
