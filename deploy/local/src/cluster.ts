import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AccessTokens, type TokenRequest } from '@sluice/tokens';
import type { Environment } from './environment.js';
import { LogFolder } from './log-folder.js';
import { OrphanGuard } from './orphan-guard.js';
import { checkReady, nodesKnownTo } from './readiness.js';
import {
  directory,
  gateway,
  hostPortOf,
  mediaNode,
  natsServer,
  type ClusterFacts,
} from './service-programs.js';
import {
  ServiceProcess,
  type Addresses,
  type ServiceExit,
  type ServiceProgram,
} from './service-process.js';

export interface ClusterOptions {
  /** What all services inherit; it names the binaries of the mediasoup worker and nats-server. */
  readonly environment: Environment;
  readonly nodes?: number;
  readonly workersPerNode?: number;
  readonly directories?: number;
  readonly gateways?: number;
  /** Port of the first gateway; 0 for a free one. */
  readonly port?: number;
  /** The directory's placement policy, such as spread. */
  readonly placement?: string | undefined;
  /** More variables for services, by kind (directory, node, gateway) or name (node-2). */
  readonly overrides?: Readonly<Record<string, Environment>>;
  /** Words before a service's command, by its name: what starts it in another place. */
  readonly wrappers?: Readonly<Record<string, readonly string[]>>;
  /** Whose built services run; this repository's where it is not given. */
  readonly repositoryRoot?: string;
  /** Kept after the stop; a temporary one, removed, where it is not given. */
  readonly logFolder?: string | undefined;
  /** Told of every service that ends without having been asked to. */
  readonly onServiceDied?: (name: string, exit: ServiceExit) => void;
}

export interface RunningService {
  readonly name: string;
  readonly pid: number;
  /** Where it listens: grpc as host:port, http and admin as URLs. */
  readonly addresses: Addresses;
}

type Kind = 'nats' | 'directory' | 'node' | 'gateway';

interface Member {
  readonly kind: Kind;
  /** Made anew for each start, from what is known by then. */
  readonly program: () => ServiceProgram;
  process: ServiceProcess;
  addresses: Addresses;
}

const START_TIMEOUT_MS = 30_000;
const REPOSITORY_ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** Who stops first: clients' doors, then media, then what those need. */
const STOP_ORDER: readonly Kind[] = ['gateway', 'node', 'directory', 'nats'];

/** Starts a whole cluster on loopback; resolves when every service is ready and knows the others. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const cluster = new Cluster(options);
  try {
    await cluster.start();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

/** A running cluster. Its owner stops it. */
export class Cluster {
  readonly #members = new Map<string, Member>();
  readonly #dataFolder = mkdtempSync(join(tmpdir(), 'sluice-'));
  readonly #logs: LogFolder;
  readonly #guard: OrphanGuard;
  readonly #clusterSecret = randomBytes(32).toString('base64url');
  readonly #tokenSecret = randomBytes(32).toString('base64url');
  readonly #tokens = new AccessTokens({ secret: this.#tokenSecret });
  #stopping: Promise<void> | undefined;

  constructor(private readonly options: ClusterOptions) {
    this.#logs = new LogFolder(options.logFolder ?? join(this.#dataFolder, 'logs'));
    this.#guard = new OrphanGuard(this.#dataFolder);
  }

  /** Such as http://127.0.0.1:8080, of the first gateway. */
  get origin(): string {
    return this.#address('gateway-1', 'http');
  }

  get ws(): string {
    return `${this.origin.replace(/^http/, 'ws')}/ws`;
  }

  get api(): string {
    return `${this.origin}/api/v1`;
  }

  get logFolder(): string {
    return this.#logs.path;
  }

  get natsUrl(): string {
    return `nats://${this.#address('nats', 'nats')}`;
  }

  /** All services that run now, in the order of their start. */
  services(kind?: Kind): readonly RunningService[] {
    return [...this.#members]
      .filter(([, member]) => member.process.running && (!kind || member.kind === kind))
      .map(([name, { process, addresses }]) => ({ name, pid: process.pid, addresses }));
  }

  /** An access token of this cluster. */
  token(request: TokenRequest): Promise<string> {
    return this.#tokens.issue(request);
  }

  /** Everything that a service has written. */
  logOf(name: string): string {
    return this.#logs.read(name);
  }

  logPathOf(name: string): string {
    return this.#logs.pathOf(name);
  }

  /** Sends a signal to one service, and waits for its end where the signal is one that ends. */
  async kill(name: string, signal: NodeJS.Signals): Promise<void> {
    await this.#member(name).process.kill(signal);
  }

  /** Stops a service if it runs and starts it again: same name, same ports where others know them. */
  async restart(name: string): Promise<void> {
    const member = this.#member(name);
    await member.process.stop();
    member.process = this.#launch(member.program());
    member.addresses = await this.#whenReady(member);
  }

  /** Starts nats, then directories, nodes and gateways. */
  async start(): Promise<void> {
    const { nodes = 2, workersPerNode = 1, directories = 1, gateways = 1 } = this.options;
    const addressOf = (name: string, what: string) => hostPortOf(this.#known(name, what));
    const portOf = (name: string, what: string) =>
      Number(addressOf(name, what).split(':').at(-1) ?? 0);
    const directoryAddresses = () =>
      this.#namesOf('directory').map((name) => addressOf(name, 'grpc'));

    await this.#startAll(
      'nats',
      ['nats'],
      () => () => natsServer(this.options, join(this.#dataFolder, 'nats'), portOf('nats', 'nats')),
    );
    await this.#startAll(
      'directory',
      numbered('directory', directories),
      (name) => () => directory(this.#facts(), name, portOf(name, 'grpc')),
    );
    await this.#startAll(
      'node',
      numbered('node', nodes),
      (name) => () => mediaNode(this.#facts(), name, directoryAddresses(), workersPerNode),
    );
    await this.#startAll(
      'gateway',
      numbered('gateway', gateways),
      (name) => () =>
        gateway(
          this.#facts(),
          name,
          directoryAddresses(),
          portOf(name, 'http') || (name === 'gateway-1' ? (this.options.port ?? 0) : 0),
        ),
    );
    await nodesKnownTo(this.api, numbered('node', nodes), START_TIMEOUT_MS);
  }

  /** Ends every process, in the reverse order of their start. Idempotent. */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#stopAll());
  }

  /** Ends every process at once, without letting any of them finish its work. */
  async abort(): Promise<void> {
    const stopping = this.stop();
    await Promise.all([...this.#members.values()].map(({ process }) => process.stop(0)));
    await stopping;
  }

  async #startAll(
    kind: Kind,
    names: readonly string[],
    programOf: (name: string) => () => ServiceProgram,
  ): Promise<void> {
    const started = names.map((name) => {
      const program = programOf(name);
      const member: Member = { kind, program, process: this.#launch(program()), addresses: {} };
      this.#members.set(name, member);
      return member;
    });
    await Promise.all(
      started.map(async (member) => {
        member.addresses = await this.#whenReady(member);
      }),
    );
  }

  #launch(program: ServiceProgram): ServiceProcess {
    if (this.#stopping) throw new Error('the cluster stops');
    const launched = new ServiceProcess(program, (line) => this.#logs.append(program.name, line));
    this.#guard.watch(launched.pid);
    void launched.exited.then((exit) => {
      this.#guard.release(launched.pid);
      if (!launched.stopping) this.options.onServiceDied?.(program.name, exit);
    });
    return launched;
  }

  async #whenReady({ kind, process }: Member): Promise<Addresses> {
    const late = AbortSignal.timeout(START_TIMEOUT_MS);
    const addresses = await Promise.race([process.listening(), rejection(late, process.name)]);
    const admin = addresses['admin'];
    if (kind !== 'nats' && admin !== undefined) await checkReady(process.name, admin, late);
    return addresses;
  }

  async #stopAll(): Promise<void> {
    for (const kind of STOP_ORDER) {
      const members = [...this.#members.values()].filter((member) => member.kind === kind);
      await Promise.all(members.map(({ process }) => process.stop()));
    }
    await this.#logs.close();
    await this.#guard.close();
    rmSync(this.#dataFolder, { recursive: true, force: true });
  }

  #facts(): ClusterFacts {
    const {
      environment,
      placement,
      overrides = {},
      wrappers = {},
      repositoryRoot = REPOSITORY_ROOT,
    } = this.options;
    const policy = placement === undefined ? {} : { SLUICE_PLACEMENT: placement };
    return {
      repositoryRoot,
      environment,
      wrappers,
      overrides: { ...overrides, directory: { ...policy, ...overrides['directory'] } },
      clusterSecret: this.#clusterSecret,
      tokenSecret: this.#tokenSecret,
      natsUrl: this.natsUrl,
    };
  }

  #namesOf(kind: Kind): readonly string[] {
    return [...this.#members].filter(([, member]) => member.kind === kind).map(([name]) => name);
  }

  #member(name: string): Member {
    const member = this.#members.get(name);
    if (!member) throw new Error(`this cluster has no ${name}`);
    return member;
  }

  /** An address as last known; empty before the first start. */
  #known(name: string, what: string): string {
    return this.#members.get(name)?.addresses[what] ?? '';
  }

  #address(name: string, what: string): string {
    const address = this.#known(name, what);
    if (address === '') throw new Error(`${name} has not said where its ${what} listens`);
    return address;
  }
}

function numbered(kind: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${kind}-${index + 1}`);
}

function rejection(signal: AbortSignal, name: string): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`${name} took too long to start`)), {
      once: true,
    });
  });
}
