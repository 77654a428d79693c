import type { IngestRow } from '@sluice/protocol';
import { printJson, textOption, type Command, type Invocation } from '../command.js';
import { table } from '../table.js';

export const ingests: Command = {
  name: 'ingests',
  summary: 'list the cameras that the cluster pulls, and how each does',
  usage: '[options]',
  description: `Lists every camera that the cluster pulls in rooms that the token is for: the stream it is
published as, the node that pulls it, its state and bitrate, and what is wrong with it.`,
  optionHelp: [['--room NAME', 'of this room only']],
  examples: ['sluice ingests', 'sluice ingests --room lobby --json'],
  options: { room: { type: 'string' } },
  positionals: [],
  run: list,
};

async function list(invocation: Invocation): Promise<void> {
  const room = textOption(invocation, 'room');
  const rows = (await invocation.api.ingests()).filter(
    (ingest) => room === undefined || ingest.room === room,
  );
  if (invocation.json) printJson(invocation, rows);
  else if (rows.length === 0) invocation.surroundings.out('No camera is pulled.\n');
  else invocation.surroundings.out(table(HEADER, rows.map(cells)));
}

const HEADER = ['ID', 'ROOM', 'PARTICIPANT', 'ADDRESS', 'NODE', 'STATE', 'BITRATE', 'REASON'];

function cells(row: IngestRow): string[] {
  const bitrate =
    row.state === 'running' ? `${String(Math.round(row.bitrateBps / 1_000))} kbit/s` : '';
  const { id, room, participant, address, node, state, reason } = row;
  return [id, room, participant, address, node, state, bitrate, reason];
}
