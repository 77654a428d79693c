import { printJson, type Command, type Invocation } from '../command.js';

export const removeIngest: Command = {
  name: 'remove-ingest',
  summary: 'stop pulling a camera',
  usage: '<id> [options]',
  description: `Stops pulling a camera; its stream ends. One that the configuration names stays.`,
  optionHelp: [],
  examples: ['sluice remove-ingest door'],
  options: {},
  positionals: ['id'],
  run: remove,
};

async function remove(invocation: Invocation): Promise<void> {
  const [id = ''] = invocation.positionals;
  await invocation.api.removeIngest(id);
  if (invocation.json) printJson(invocation, { id });
  else invocation.surroundings.out(`${id} is not pulled any more.\n`);
}
