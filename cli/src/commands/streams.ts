import type { StreamRow } from '@sluice/protocol';
import { printJson, textOption, type Command, type Invocation } from '../command.js';
import { table } from '../table.js';

export const streams: Command = {
  name: 'streams',
  summary: 'list what is published, and on which node',
  usage: '[options]',
  description: `Lists every published stream: its room, who publishes it, under which purpose (such as
m.usermedia for camera and microphone), the node it comes in on, and its tracks.`,
  optionHelp: [['--room NAME', 'of this room only']],
  examples: ['sluice streams', 'sluice streams --room demo'],
  options: { room: { type: 'string' } },
  positionals: [],
  run: list,
};

async function list(invocation: Invocation): Promise<void> {
  const room = textOption(invocation, 'room');
  const rows = (await invocation.api.streams()).filter(
    (stream) => room === undefined || stream.room === room,
  );
  if (invocation.json) printJson(invocation, rows);
  else if (rows.length === 0) invocation.surroundings.out('Nothing is published.\n');
  else invocation.surroundings.out(table(HEADER, rows.map(cells)));
}

const HEADER = ['ROOM', 'PARTICIPANT', 'PURPOSE', 'NODE', 'TRACKS'];

function cells({ room, participant, purpose, node, tracks }: StreamRow): string[] {
  const described = tracks.map(
    ({ trackId, mimeType, paused }) => `${trackId} ${mimeType}${paused ? ' (muted)' : ''}`,
  );
  return [room, participant, purpose, node, described.join(', ')];
}
