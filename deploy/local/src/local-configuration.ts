import type { Environment } from './environment.js';

export interface LocalConfiguration {
  /** The gateway's port; undefined takes the usual one where it is free, else any. */
  readonly port: number | undefined;
  readonly nodes: number;
  readonly workersPerNode: number;
  readonly placement: string | undefined;
  readonly logFolder: string | undefined;
  /** Whether the others go on when one service dies. */
  readonly keepGoing: boolean;
}

/** A bad environment, all mistakes together: names and never values. */
export class LocalConfigurationError extends Error {
  override readonly name = 'LocalConfigurationError';
}

const NODES_MAX = 16;
const WORKERS_MAX = 64;

/** @throws {LocalConfigurationError} */
export function readLocalConfiguration(environment: Environment): LocalConfiguration {
  const problems: string[] = [];
  const integer = (name: string, fallback: number, minimum: number, maximum: number): number => {
    const text = environment[name] ?? '';
    if (text === '') return fallback;
    const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= minimum && value <= maximum) return value;
    problems.push(`${name}: must be a whole number from ${minimum} to ${maximum}`);
    return fallback;
  };
  const port = integer('SLUICE_PORT', 0, 0, 65_535);
  const configuration = {
    port: port === 0 ? undefined : port,
    nodes: integer('SLUICE_NODES', 2, 1, NODES_MAX),
    workersPerNode: integer('SLUICE_WORKERS', 1, 1, WORKERS_MAX),
    placement: environment['SLUICE_PLACEMENT'] || undefined,
    logFolder: environment['SLUICE_LOCAL_LOG_FOLDER'] || undefined,
    keepGoing: /^(1|true|yes)$/i.test(environment['SLUICE_LOCAL_KEEP_GOING'] ?? ''),
  };
  if (problems.length > 0) {
    throw new LocalConfigurationError(['invalid configuration:', ...problems].join('\n  '));
  }
  return configuration;
}
