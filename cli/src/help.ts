import { DEFAULT_API } from './access.js';
import type { Command } from './command.js';

const SHARED_OPTIONS: Command['optionHelp'] = [
  ['--api URL', `a gateway; SLUICE_API, or ${DEFAULT_API}`],
  ['--token TOKEN', 'an administrator’s token; SLUICE_TOKEN'],
  ['--token-file FILE', 'a file with the token; SLUICE_TOKEN_FILE'],
  ['--json', 'print JSON, for programs'],
  ['-h, --help', 'show this help'],
];

/** `sluice --help`. */
export function overview(commands: readonly Command[]): string {
  return `Looks after a Sluice cluster through the management API of any of its gateways.

Usage: sluice <command> [options]

Commands:
${columns(commands.map(({ name, summary }) => [name, summary]))}
Options of all commands:
${columns(SHARED_OPTIONS)}
\`make run\` prints the API’s address and an administrator’s token in its READY line.

  export SLUICE_API=http://127.0.0.1:8080/api/v1 SLUICE_TOKEN=…
  sluice nodes

\`sluice <command> --help\` says more about each.
Exit codes: 0 done, 1 it failed, 2 the command line is wrong.
`;
}

/** `sluice <command> --help`. */
export function helpOf({ name, usage, description, optionHelp, examples }: Command): string {
  const own = optionHelp.length === 0 ? '' : `Options:\n${columns(optionHelp)}\n`;
  return `${description}

Usage: sluice ${[name, usage].filter(Boolean).join(' ')}

${own}Options of all commands:
${columns(SHARED_OPTIONS)}
Examples:
${examples.map((example) => `  ${example}\n`).join('')}`;
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join('');
}
