import { printJson, type Command, type Invocation } from '../command.js';

export const undrain: Command = {
  name: 'undrain',
  summary: 'let a draining media node serve again',
  usage: '<node> [options]',
  description: `Ends a drain: the node takes new sessions again, and those that have not moved yet stay.`,
  optionHelp: [],
  examples: ['sluice undrain node-1'],
  options: {},
  positionals: ['node'],
  run: end,
};

async function end(invocation: Invocation): Promise<void> {
  const [node = ''] = invocation.positionals;
  await invocation.api.undrain(node);
  if (invocation.json) printJson(invocation, { node });
  else invocation.surroundings.out(`${node} serves again.\n`);
}
