import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { accessTo } from './access.js';
import { flagOption, type Arguments, type Command, type Surroundings } from './command.js';
import { addIngest } from './commands/add-ingest.js';
import { drain } from './commands/drain.js';
import { ingests } from './commands/ingests.js';
import { nodes } from './commands/nodes.js';
import { relays } from './commands/relays.js';
import { removeIngest } from './commands/remove-ingest.js';
import { streams } from './commands/streams.js';
import { token } from './commands/token.js';
import { undrain } from './commands/undrain.js';
import { EXIT_CODES, Failure, UsageError } from './failure.js';
import { helpOf, overview } from './help.js';

const COMMANDS: readonly Command[] = [
  token,
  nodes,
  streams,
  relays,
  ingests,
  addIngest,
  removeIngest,
  drain,
  undrain,
];

const SHARED_OPTIONS = {
  api: { type: 'string' },
  token: { type: 'string' },
  'token-file': { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig;

/** Runs one command line; returns the exit code of the process. */
export async function run(words: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    await runCommand(words, surroundings);
    return EXIT_CODES.ok;
  } catch (error) {
    if (error instanceof UsageError) {
      surroundings.err(`sluice: ${error.message}\n`);
      return EXIT_CODES.usage;
    }
    if (!(error instanceof Failure)) throw error;
    surroundings.err(`sluice: ${error.message}\n`);
    return EXIT_CODES.failed;
  }
}

async function runCommand(words: readonly string[], surroundings: Surroundings): Promise<void> {
  const [name, ...rest] = words;
  if (name === undefined) throw new UsageError(`which command?\n\n${overview(COMMANDS)}`);
  if (name === '--help' || name === '-h' || name === 'help') {
    const topic = COMMANDS.find((command) => command.name === rest[0]);
    surroundings.out(topic ? helpOf(topic) : overview(COMMANDS));
    return;
  }
  const command = COMMANDS.find((one) => one.name === name);
  if (!command) {
    const known = COMMANDS.map((one) => one.name).join(', ');
    throw new UsageError(`there is no command '${name}'; there are ${known}`);
  }
  const given = parse(command, rest);
  if (flagOption(given, 'help') === true) {
    surroundings.out(helpOf(command));
    return;
  }
  checkPositionals(command, given);
  const api = accessTo(given, surroundings);
  await command.run({ ...given, api, surroundings, json: flagOption(given, 'json') ?? false });
}

function parse({ name, options }: Command, words: readonly string[]): Arguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      options: { ...SHARED_OPTIONS, ...options },
      allowPositionals: true,
      allowNegative: true,
    });
    return { options: values, positionals };
  } catch (error) {
    const reason = error instanceof Error ? firstSentence(error.message) : String(error);
    throw new UsageError(`${reason}; see sluice ${name} --help`, { cause: error });
  }
}

/** The rest explains how to pass words that look like options, which none of ours do. */
function firstSentence(message: string): string {
  return message.split(/\.\s/)[0]?.replace(/\.$/, '') ?? message;
}

function checkPositionals({ name, positionals, usage }: Command, given: Arguments): void {
  const missing = positionals[given.positionals.length];
  const superfluous = given.positionals[positionals.length];
  if (missing === undefined && superfluous === undefined) return;
  const problem =
    missing === undefined ? `'${superfluous ?? ''}' is too much` : `which ${missing}?`;
  throw new UsageError(`${problem} Usage: sluice ${[name, usage].filter(Boolean).join(' ')}`);
}
