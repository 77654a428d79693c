import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Command, Reply } from '../page/commands.js';

/** Carries out the commands of standard input, one JSON object a line, until it is told to close. */
export async function serve(
  version: string,
  run: (command: Command) => Promise<Reply>,
): Promise<never> {
  say({ version });
  for await (const line of createInterface(process.stdin)) {
    const command = JSON.parse(line) as Command;
    try {
      say({ reply: await run(command) });
    } catch (error) {
      say({ error: String(error) });
    }
    if (command.do === 'close') break;
  }
  process.exit();
}

/** The name and version of an npm package, as the tests pin it. */
export function versionOf(name: string): string {
  const file = new URL('../../../package.json', import.meta.url);
  const { devDependencies } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  return `${name} ${devDependencies[name] ?? 'of an unknown version'}`;
}

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
