import type { ParseArgsOptionsConfig } from 'node:util';
import type { ManagementApi } from './management-api.js';

/** What a command may do to the world, so that tests can stand in for it. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly sleep: (ms: number) => Promise<void>;
  /** Milliseconds since some fixed moment. */
  readonly nowMs: () => number;
}

/** What was typed after a command's name, checked as far as `parseArgs` can. */
export interface Arguments {
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
}

export interface Invocation extends Arguments {
  readonly api: ManagementApi;
  readonly surroundings: Surroundings;
  /** For programs: one JSON value instead of text. */
  readonly json: boolean;
}

export interface Command {
  readonly name: string;
  /** One line of `sluice --help`. */
  readonly summary: string;
  /** What may follow the name, such as `<node> [options]`. */
  readonly usage: string;
  readonly description: string;
  /** Lines of the options' own help: the option, and what it means. */
  readonly optionHelp: readonly (readonly [option: string, meaning: string])[];
  readonly examples: readonly string[];
  readonly options: ParseArgsOptionsConfig;
  /** Names of what must follow, such as `node`. */
  readonly positionals: readonly string[];
  /** @throws {Failure} or {UsageError}. */
  readonly run: (invocation: Invocation) => Promise<void>;
}

export function textOption({ options }: Arguments, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

export function flagOption({ options }: Arguments, name: string): boolean | undefined {
  const value = options[name];
  return typeof value === 'boolean' ? value : undefined;
}

/** Prints rows as a table, or as JSON. */
export function printJson({ surroundings }: Invocation, value: unknown): void {
  surroundings.out(`${JSON.stringify(value, null, 2)}\n`);
}
