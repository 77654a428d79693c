import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { REPOSITORY_ROOT } from './rendered-chart.js';

export interface ComposeService {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly ports: readonly string[];
  readonly replicas: number;
  readonly profiles: readonly string[];
  readonly readOnly: boolean;
  readonly dropped: readonly string[];
  readonly securityOptions: readonly string[];
  readonly stopGraceSeconds: number | undefined;
  /** As `./file:/where:ro` or `volume:/where`. */
  readonly volumes: readonly string[];
  readonly secrets: readonly string[];
  /** Its own in the network, where it has one. */
  readonly ip: string | undefined;
}

interface Written {
  readonly image: string;
  readonly command?: string[];
  readonly environment?: Record<string, string>;
  readonly ports?: string[];
  readonly profiles?: string[];
  readonly deploy?: { readonly replicas?: number };
  readonly read_only?: boolean;
  readonly cap_drop?: string[];
  readonly security_opt?: string[];
  readonly stop_grace_period?: string;
  readonly volumes?: string[];
  readonly secrets?: string[];
  readonly networks?: { readonly default?: { readonly ipv4_address?: string } };
}

/** Where compose.yaml is, to which its paths are relative. */
export const COMPOSE_FOLDER = join(REPOSITORY_ROOT, 'deploy');

/** The services of deploy/compose.yaml as an engine sees them with these variables. */
export function composeServices(
  variables: Readonly<Record<string, string>> = {},
): ComposeService[] {
  const text = readFileSync(join(COMPOSE_FOLDER, 'compose.yaml'), 'utf8');
  const { services } = parse(interpolated(text, variables), { merge: true }) as {
    services: Record<string, Written>;
  };
  return Object.entries(services).map(([name, written]) => ({
    name,
    image: written.image,
    command: written.command ?? [],
    environment: written.environment ?? {},
    ports: written.ports ?? [],
    replicas: written.deploy?.replicas ?? 1,
    profiles: written.profiles ?? [],
    readOnly: written.read_only ?? false,
    dropped: written.cap_drop ?? [],
    securityOptions: written.security_opt ?? [],
    stopGraceSeconds:
      written.stop_grace_period === undefined ? undefined : parseInt(written.stop_grace_period, 10),
    volumes: written.volumes ?? [],
    secrets: written.secrets ?? [],
    ip: written.networks?.default?.ipv4_address,
  }));
}

/** `${NAME:-default}` is its default, `${NAME:?why}` a secret, unless they are given. */
function interpolated(text: string, variables: Readonly<Record<string, string>>): string {
  return text
    .replace(/\$\{([A-Z0-9_]+):-([^}]*)\}/g, (_all, name: string, other: string) =>
      name in variables ? (variables[name] ?? '') : other,
    )
    .replace(
      /\$\{([A-Z0-9_]+):\?[^}]*\}/g,
      (_all, name: string) => variables[name] ?? 's'.repeat(48),
    );
}
