import { join } from 'node:path';
import { GenericContainer, Wait } from 'testcontainers';
import { COMPOSE_FOLDER, type ComposeService } from '../chart/compose-file.js';

export interface Placed {
  readonly network: string;
  /** In place of the names in compose.yaml. */
  readonly volumeOf: (name: string) => string;
  /** Host paths of secrets by their names. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** Lines by which servers say that they listen; who says nothing is ready when it runs. */
const LISTENING: Readonly<Record<string, RegExp>> = {
  nats: /Server is ready/,
  sluice: /"msg":"listening"/,
};

/** One replica of a service of compose.yaml, as compose itself would run it. */
export class ComposeContainer extends GenericContainer {
  constructor(service: ComposeService, placed: Placed) {
    super(service.image);
    const { name, ip, volumes, secrets } = service;
    this.withNetworkMode(placed.network)
      .withEnvironment({ ...service.environment })
      .withLabels({ ...placed.labels })
      .withDroppedCapabilities(...service.dropped)
      .withSecurityOpt(...service.securityOptions)
      .withPullPolicy({ shouldPull: () => 'never' })
      .withWaitStrategy(waitFor(service.image))
      .withStartupTimeout(60_000);
    if (service.command.length > 0) this.withCommand([...service.command]);
    this.hostConfig.ReadonlyRootfs = service.readOnly;
    this.hostConfig.Binds = [
      ...volumes.map((volume) => bindOf(volume, placed.volumeOf)),
      ...secrets.map((secret) => `${placed.secrets[secret] ?? ''}:/run/secrets/${secret}:ro`),
    ];
    this.createOpts.NetworkingConfig = {
      EndpointsConfig: { [placed.network]: endpointOf(name, ip) },
    };
    this.#publish(service.ports);
  }

  /** As compose.yaml has them: on an address of the host, with the protocol. */
  #publish(ports: readonly string[]): void {
    const bindings = ports.map((written) => {
      const [, HostIp = '', HostPort = '', port = ''] = /^(.+):(\d+):(\S+)$/.exec(written) ?? [];
      return [port.includes('/') ? port : `${port}/tcp`, [{ HostIp, HostPort }]] as const;
    });
    this.hostConfig.PortBindings = Object.fromEntries(bindings);
    this.createOpts.ExposedPorts = Object.fromEntries(bindings.map(([port]) => [port, {}]));
  }
}

/** How a container of that service is joined to the network, and joined again. */
export function endpointOf(name: string, ip: string | undefined) {
  return { Aliases: [name], ...(ip === undefined ? {} : { IPAMConfig: { IPv4Address: ip } }) };
}

function waitFor(image: string) {
  const line = Object.entries(LISTENING).find(([prefix]) => image.startsWith(prefix))?.[1];
  return line ? Wait.forLogMessage(line) : Wait.forLogMessage(/.*/);
}

function bindOf(volume: string, volumeOf: (name: string) => string): string {
  const [from = '', ...to] = volume.split(':');
  return [from.startsWith('.') ? join(COMPOSE_FOLDER, from) : volumeOf(from), ...to].join(':');
}
