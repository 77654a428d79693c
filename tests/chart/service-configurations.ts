import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TestAuthority } from '@sluice/testing';
import { REPOSITORY_ROOT } from './rendered-chart.js';

export const SERVICES = ['gateway', 'stream-directory', 'media-worker'] as const;
export type ServiceName = (typeof SERVICES)[number];
export type Environment = Readonly<Record<string, string>>;

/** A service's own word on its environment. */
export interface ServiceConfiguration {
  /** Names of all variables that it reads. */
  readonly variables: ReadonlySet<string>;
  /** @throws when the service would not start with it. */
  load(environment: Environment): unknown;
}

interface ConfigurationModule {
  readonly VARIABLES?: unknown;
  readonly Variables?: unknown;
  readonly loadConfig?: (environment: Environment) => unknown;
  readonly loadConfiguration?: (environment: Environment) => unknown;
}

export async function serviceConfiguration(service: ServiceName): Promise<ServiceConfiguration> {
  const path = join(REPOSITORY_ROOT, 'services', service, 'src', 'config.ts');
  const module = (await import(pathToFileURL(path).href)) as ConfigurationModule;
  const schema = (module.VARIABLES ?? module.Variables) as { readonly shape?: object } | undefined;
  const load = module.loadConfiguration ?? module.loadConfig;
  if (!schema || !load) throw new Error(`${path} exports no variables or cannot be loaded`);
  return { variables: new Set(Object.keys(schema.shape ?? schema)), load };
}

/** Files that services read at their start, under the paths where a container has them. */
export class MountedFiles {
  readonly #folder = mkdtempSync(join(tmpdir(), 'sluice-mounted-'));

  constructor() {
    const authority = new TestAuthority();
    const { ca, certificate, key } = authority.issue('DNS:sluice-internal');
    authority.remove();
    const files = { 'ca.crt': ca, 'tls.crt': certificate, 'tls.key': key };
    for (const [name, pem] of Object.entries(files)) writeFileSync(join(this.#folder, name), pem);
    writeFileSync(join(this.#folder, 'cameras.json'), '[]');
  }

  /** The same environment, with paths of containers made paths here. */
  found(environment: Environment): Environment {
    return Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [
        name,
        value.replace(/^\/etc\/sluice\/((grpc|client|nats)-tls|cameras)/, this.#folder),
      ]),
    );
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}
