import { flagOption, printJson, textOption, type Command, type Invocation } from '../command.js';
import { Failure, UsageError } from '../failure.js';

export const addIngest: Command = {
  name: 'add-ingest',
  summary: 'have the cluster pull a camera into a room',
  usage: '<id> --room NAME --url-file FILE [options]',
  description: `Has the cluster pull a camera (rtsp:// or rtsps://) and publish it in a room. Its URL often has
a password: a file keeps it out of the list of processes. It is never shown again.`,
  optionHelp: [
    ['--room NAME', 'where it is seen'],
    ['--url-file FILE', 'a file with its URL'],
    ['--url URL', 'its URL, where it has no password'],
    ['--participant NAME', 'as whom it is published; the id otherwise'],
    ['--purpose NAME', 'of its stream; m.usermedia otherwise'],
    ['--name TEXT', 'what others see'],
    ['--on-demand', 'pull it only while somebody watches'],
    ['--region NAME', 'where it is best pulled from'],
  ],
  examples: [
    'sluice add-ingest door --room lobby --url-file door.url --name "Front door"',
    'sluice add-ingest yard --room lobby --url rtsp://192.0.2.7/stream --on-demand',
  ],
  options: {
    room: { type: 'string' },
    url: { type: 'string' },
    'url-file': { type: 'string' },
    participant: { type: 'string' },
    purpose: { type: 'string' },
    name: { type: 'string' },
    'on-demand': { type: 'boolean' },
    region: { type: 'string' },
  },
  positionals: ['id'],
  run: add,
};

async function add(invocation: Invocation): Promise<void> {
  const [id = ''] = invocation.positionals;
  const room = textOption(invocation, 'room');
  if (room === undefined) throw new UsageError('where is it seen? Give --room NAME');
  await invocation.api.addIngest({
    id,
    room,
    url: urlOf(invocation),
    participant: textOption(invocation, 'participant'),
    purpose: textOption(invocation, 'purpose'),
    name: textOption(invocation, 'name'),
    onDemand: flagOption(invocation, 'on-demand'),
    region: textOption(invocation, 'region'),
  });
  if (invocation.json) printJson(invocation, { id });
  else invocation.surroundings.out(`${id} is pulled. sluice ingests shows how it does.\n`);
}

function urlOf(invocation: Invocation): string {
  const typed = textOption(invocation, 'url');
  if (typed !== undefined) return typed;
  const file = textOption(invocation, 'url-file');
  if (file === undefined) throw new UsageError('where is the camera? Give --url-file FILE');
  try {
    return invocation.surroundings.readFile(file).trim();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure(`cannot read the URL: ${reason}`, { cause: error });
  }
}
