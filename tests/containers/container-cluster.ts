import { randomBytes, randomInt } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AccessTokens, type TokenRequest } from '@sluice/tokens';
import { eventually, freePort } from '@sluice/testing';
import { getContainerRuntimeClient, type StartedTestContainer } from 'testcontainers';
import { composeServices, type ComposeService } from '../chart/compose-file.js';
import { REPOSITORY_ROOT, reportOf } from '../cluster-under-test.js';
import { ComposeContainer, endpointOf, type Placed } from './compose-container.js';
import { removeLeftBehind, removeOf, labelsOf } from './leftovers.js';

/** Of images that deploy/images/build.sh has built. */
const IMAGE_VERSION = process.env['SLUICE_IMAGE_VERSION'] ?? 'test';
const SERVING_TIMEOUT_MS = 60_000;

interface Member {
  /** Such as gateway-2; that of compose.yaml where there is one only. */
  readonly name: string;
  readonly service: ComposeService;
  readonly container: StartedTestContainer;
}

/** The cluster of deploy/compose.yaml in containers of its own, on free ports of loopback. */
export class ContainerCluster {
  readonly #members = new Map<string, Member>();
  readonly #run = `sluice-test-${randomBytes(4).toString('hex')}`;
  readonly tokenSecret = randomBytes(36).toString('base64url');
  readonly #tokens = new AccessTokens({ secret: this.tokenSecret });
  readonly #subnet = `10.213.${randomInt(1, 255)}`;
  #services: readonly ComposeService[] = [];
  #secrets: Placed['secrets'] = {};
  #port = 0;

  /** Ends and removes all that it has started when it cannot start. */
  static async start(tlsFile: string): Promise<ContainerCluster> {
    await removeLeftBehind();
    const cluster = new ContainerCluster();
    try {
      await cluster.#start(tlsFile);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Of the load balancer. */
  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get report(): ReturnType<typeof reportOf> {
    return reportOf(`${this.origin}/api/v1`);
  }

  /** Names of the containers whose service's name begins so. */
  names(prefix: string): readonly string[] {
    return [...this.#members.keys()].filter((name) => name.startsWith(prefix));
  }

  /** The host's address in the network of the containers. */
  get hostAddress(): string {
    return `${this.#subnet}.1`;
  }

  /** Of the host, where clients' media for that node arrives. */
  mediaPortOf(node: string): number {
    return Number(this.#member(node).service.environment['SLUICE_MEDIA_PORT']);
  }

  token(subject: string, room: string, grants: Pick<TokenRequest, 'ingest'> = {}): Promise<string> {
    return this.#tokens.issue({ subject, room, ...grants });
  }

  /** Has a service of a profile run too. Resolves to the host's port of its only port. */
  async add(profile: string): Promise<number> {
    const service = this.#services.find(({ profiles }) => profiles.includes(profile));
    if (!service) throw new Error(`no service has the profile ${profile}`);
    await this.#launch(service);
    return Number(/:(\d+):/.exec(service.ports[0] ?? '')?.[1]);
  }

  async kill(name: string): Promise<void> {
    await (await this.#engineContainer(name)).kill({ signal: 'SIGKILL' });
  }

  /** What was killed, as it was. */
  async revive(name: string): Promise<void> {
    await (await this.#engineContainer(name)).start();
  }

  async pause(name: string): Promise<void> {
    await (await this.#engineContainer(name)).pause();
  }

  async unpause(name: string): Promise<void> {
    await (await this.#engineContainer(name)).unpause();
  }

  /** Stops it as an engine does, in its own time, and starts it again. */
  async restart(name: string): Promise<void> {
    const { service } = this.#member(name);
    const container = await this.#engineContainer(name);
    await container.stop({ t: service.stopGraceSeconds ?? 10 });
    await container.start();
  }

  /** Cuts it off from all others, and its published ports with it. */
  async disconnect(name: string): Promise<void> {
    const { container } = this.#member(name);
    await (await this.#network()).disconnect({ Container: container.getId(), Force: true });
  }

  async connect(name: string): Promise<void> {
    const { container, service } = this.#member(name);
    await (
      await this.#network()
    ).connect({
      Container: container.getId(),
      EndpointConfig: endpointOf(service.name, service.ip),
    });
  }

  async inspect(name: string) {
    return (await this.#engineContainer(name)).inspect();
  }

  fileOf(name: string, path: string): Promise<string> {
    return this.run(name, ['cat', path]);
  }

  /** What a command in that container prints. */
  async run(name: string, command: readonly string[]): Promise<string> {
    return (await this.#member(name).container.exec([...command])).stdout;
  }

  /** What the engine says of its health. */
  async healthOf(name: string): Promise<string | undefined> {
    const { State } = await (await this.#engineContainer(name)).inspect();
    return State.Health?.Status;
  }

  /** Writes what everybody said to test-results/logs, for whoever looks into a failure. */
  async saveLogs(test: string): Promise<void> {
    const folder = join(REPOSITORY_ROOT, 'test-results', 'logs', 'containers', slug(test));
    mkdirSync(folder, { recursive: true });
    for (const name of this.#members.keys()) {
      const container = await this.#engineContainer(name);
      const log = await container.logs({ stdout: true, stderr: true, timestamps: true });
      writeFileSync(join(folder, `${name}.log`), log);
    }
  }

  /** Waits until every media node serves and NATS takes new names. */
  async isWhole(): Promise<void> {
    const expected = this.names('media-').length;
    await eventually(async () => {
      const serving = (await this.report.nodes()).filter(({ state }) => state === 'serving');
      return serving.length === expected ? undefined : `${serving.length} media nodes serve`;
    }, SERVING_TIMEOUT_MS);
  }

  /** Removes everything. Idempotent. */
  async stop(): Promise<void> {
    await removeOf(this.#run);
  }

  async #start(tlsFile: string): Promise<void> {
    this.#port = await freePort();
    this.#secrets = { tls: tlsFile };
    this.#services = composeServices({
      SLUICE_CLUSTER_SECRET: randomBytes(36).toString('base64url'),
      SLUICE_TOKEN_SECRET: this.tokenSecret,
      SLUICE_IMAGE_VERSION: IMAGE_VERSION,
      SLUICE_SUBNET: this.#subnet,
      SLUICE_PORT: String(this.#port),
      SLUICE_TLS_PORT: String(await freePort()),
      SLUICE_MEDIA_PORT_1: String(await freePort()),
      SLUICE_MEDIA_PORT_2: String(await freePort()),
      SLUICE_MEDIA_PORT_3: String(await freePort()),
      SLUICE_PLACEMENT: 'spread',
    });
    const { container } = await getContainerRuntimeClient();
    await container.dockerode.createNetwork({
      Name: this.#run,
      Labels: labelsOf(this.#run),
      IPAM: { Config: [{ Subnet: `${this.#subnet}.0/24` }] },
    });
    const wanted = this.#services.filter(({ profiles }) => profiles.length === 0);
    // What one that failed leaves running is removed with the rest once all have settled.
    const launched = await Promise.allSettled(wanted.map((service) => this.#launch(service)));
    const failed = launched.find((one) => one.status === 'rejected');
    if (failed) throw failed.reason;
    await this.isWhole();
  }

  async #launch(service: ComposeService): Promise<void> {
    const placed: Placed = {
      network: this.#run,
      volumeOf: (name) => `${this.#run}-${name}`,
      secrets: this.#secrets,
      labels: labelsOf(this.#run),
    };
    for (let replica = 1; replica <= service.replicas; replica += 1) {
      const name = service.replicas === 1 ? service.name : `${service.name}-${replica}`;
      const environment = { ...service.environment, ...this.#variablesOf(name) };
      const container = await new ComposeContainer({ ...service, environment }, placed).start();
      this.#members.set(name, { name, service, container });
    }
  }

  /** Besides those of compose.yaml. */
  #variablesOf(name: string): Readonly<Record<string, string>> {
    if (name.startsWith('gateway')) return OPEN_API;
    // Cameras of tests are processes of the host.
    if (name.startsWith('media'))
      return { SLUICE_INGEST_ALLOWED_NETWORKS: `${this.hostAddress}/32` };
    return {};
  }

  #member(name: string): Member {
    const member = this.#members.get(name);
    if (!member) throw new Error(`there is no ${name}`);
    return member;
  }

  async #engineContainer(name: string) {
    const { container } = await getContainerRuntimeClient();
    return container.getById(this.#member(name).container.getId());
  }

  async #network() {
    const { network } = await getContainerRuntimeClient();
    return network.getById(this.#run);
  }
}

const slug = (text: string) => text.replaceAll(/[^a-z0-9]+/gi, '-');

/** Tests look into it without a token. */
const OPEN_API = { SLUICE_API_ANONYMOUS_READ: 'true' };
