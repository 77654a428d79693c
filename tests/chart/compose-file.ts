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
  readonly stopGraceSeconds: number | undefined;
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
  readonly stop_grace_period?: string;
}

/** The services of deploy/compose.yaml as an engine sees them when no variable is set. */
export function composeServices(): ComposeService[] {
  const text = readFileSync(join(REPOSITORY_ROOT, 'deploy', 'compose.yaml'), 'utf8');
  const { services } = parse(interpolated(text), { merge: true }) as {
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
    stopGraceSeconds:
      written.stop_grace_period === undefined ? undefined : parseInt(written.stop_grace_period, 10),
  }));
}

/** `${NAME:-default}` is its default, `${NAME:?why}` a secret. */
function interpolated(text: string): string {
  return text
    .replace(/\$\{[A-Z_]+:-([^}]*)\}/g, '$1')
    .replace(/\$\{[A-Z_]+:\?[^}]*\}/g, 's'.repeat(48));
}
