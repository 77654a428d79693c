import { parseStreamPath, type RelayRow } from '@sluice/protocol';
import { printJson, textOption, type Command, type Invocation } from '../command.js';
import { table } from '../table.js';

export const relays: Command = {
  name: 'relays',
  summary: 'list the streams that are carried between routers',
  usage: '[options]',
  description: `Lists every relay: a stream on its way from one router to another, because somebody watches it
there. Between two routers of one node FROM and TO are the same. A stream is written as
room/participant/purpose.`,
  optionHelp: [['--room NAME', 'of this room only']],
  examples: ['sluice relays', 'sluice relays --room demo --json'],
  options: { room: { type: 'string' } },
  positionals: [],
  run: list,
};

async function list(invocation: Invocation): Promise<void> {
  const room = textOption(invocation, 'room');
  const rows = (await invocation.api.relays()).filter(
    ({ stream }) => room === undefined || parseStreamPath(stream)?.room === room,
  );
  if (invocation.json) printJson(invocation, rows);
  else if (rows.length === 0) invocation.surroundings.out('No stream is relayed.\n');
  else invocation.surroundings.out(table(HEADER, rows.map(cells)));
}

const HEADER = ['STREAM', 'FROM', 'TO'];

function cells({ stream, fromNode, toNode }: RelayRow): string[] {
  return [stream, fromNode, toNode];
}
