import { flagOption, printJson, textOption, type Command, type Invocation } from '../command.js';
import { parseDuration } from '../duration.js';
import { UsageError } from '../failure.js';

export const token: Command = {
  name: 'token',
  summary: 'issue an access token for a participant',
  usage: '--subject NAME [options]',
  description: `Issues an access token, with which a participant enters rooms, and prints it alone.
Without further options it lasts an hour and may publish and subscribe in every room.`,
  optionHelp: [
    ['--subject NAME', 'who the participant is: an id that nobody else has'],
    ['--name TEXT', 'what others see; the subject otherwise'],
    ['--room NAME', 'the only room it is for'],
    ['--no-publish', 'may not publish'],
    ['--no-subscribe', 'may not subscribe'],
    ['--host', 'may act as the host of its rooms'],
    ['--create', 'may open rooms where only some may'],
    ['--ingest', 'may have streams pulled from elsewhere, such as cameras'],
    ['--admin', 'may do everything, this command included'],
    ['--ttl TIME', 'how long it lasts, such as 30m or 12h'],
  ],
  examples: [
    'sluice token --subject ada --room demo',
    'sluice token --subject wall --name "The wall" --no-publish --ttl 12h',
  ],
  options: {
    subject: { type: 'string' },
    name: { type: 'string' },
    room: { type: 'string' },
    publish: { type: 'boolean' },
    subscribe: { type: 'boolean' },
    host: { type: 'boolean' },
    create: { type: 'boolean' },
    ingest: { type: 'boolean' },
    admin: { type: 'boolean' },
    ttl: { type: 'string' },
  },
  positionals: [],
  run: issue,
};

async function issue(invocation: Invocation): Promise<void> {
  const subject = textOption(invocation, 'subject');
  if (subject === undefined) throw new UsageError('who is it for? Give --subject NAME');
  const ttl = textOption(invocation, 'ttl');
  const issued = await invocation.api.issueToken({
    subject,
    name: textOption(invocation, 'name'),
    room: textOption(invocation, 'room'),
    publish: flagOption(invocation, 'publish'),
    subscribe: flagOption(invocation, 'subscribe'),
    host: flagOption(invocation, 'host'),
    create: flagOption(invocation, 'create'),
    ingest: flagOption(invocation, 'ingest'),
    admin: flagOption(invocation, 'admin'),
    ttlSeconds: ttl === undefined ? undefined : Math.ceil(parseDuration(ttl, 'ttl') / 1_000),
  });
  if (invocation.json) printJson(invocation, { token: issued });
  else invocation.surroundings.out(`${issued}\n`);
}
