import type { NodeRow } from '@sluice/protocol';
import { flagOption, printJson, textOption, type Command, type Invocation } from '../command.js';
import { formatDuration, parseDuration } from '../duration.js';
import { Failure } from '../failure.js';

export const drain: Command = {
  name: 'drain',
  summary: 'move everybody off a media node',
  usage: '<node> [options]',
  description: `Drains a media node: it takes nothing new, and whoever is there is asked to move to other nodes,
which clients do without a gap. What is left at the deadline is ended. The node itself goes on to run:
end its process when it is empty, or let it serve again with \`sluice undrain\`.`,
  optionHelp: [
    ['--deadline TIME', 'when what is left is ended, such as 90s or 10m; 60s otherwise'],
    ['--reason TEXT', 'for the log and for clients'],
    ['--wait', 'show how it goes, until the node is empty'],
  ],
  examples: [
    'sluice drain node-1 --wait',
    'sluice drain node-1 --deadline 10m --reason "new kernel"',
  ],
  options: {
    deadline: { type: 'string' },
    reason: { type: 'string' },
    wait: { type: 'boolean' },
  },
  positionals: ['node'],
  run: begin,
};

const POLL_MS = 1_000;
/** A drain shows in the list of nodes with the node's next heartbeat. */
const BEGIN_MS = 10_000;
/** After the deadline sessions are ended, which takes a moment to be seen too. */
const END_MS = 15_000;

async function begin(invocation: Invocation): Promise<void> {
  const [node = ''] = invocation.positionals;
  const deadline = textOption(invocation, 'deadline');
  const deadlineMs = await invocation.api.drain(node, {
    deadlineMs: deadline === undefined ? undefined : parseDuration(deadline, 'deadline'),
    reason: textOption(invocation, 'reason'),
  });
  const { json, surroundings } = invocation;
  const say = (text: string) => (json ? surroundings.err : surroundings.out)(`${text}\n`);
  say(`${node} drains. What is left in ${formatDuration(deadlineMs)} is ended.`);
  if (flagOption(invocation, 'wait') !== true) {
    if (json) printJson(invocation, { node, deadlineMs });
    return;
  }
  const startedAtMs = surroundings.nowMs();
  await waitUntilEmpty(node, deadlineMs, { invocation, say });
  const elapsedMs = Math.round(surroundings.nowMs() - startedAtMs);
  say(`${node} is empty after ${formatDuration(elapsedMs)}.`);
  if (json) printJson(invocation, { node, deadlineMs, elapsedMs });
}

interface Waiting {
  readonly invocation: Invocation;
  readonly say: (text: string) => void;
}

/** @throws {Failure} when it never begins, is called off, or does not end. */
async function waitUntilEmpty(
  node: string,
  deadlineMs: number,
  { invocation, say }: Waiting,
): Promise<void> {
  const { sleep, nowMs } = invocation.surroundings;
  const startedAtMs = nowMs();
  let [begun, said] = [false, ''];
  for (;;) {
    const row = await read(node, invocation);
    const elapsedMs = nowMs() - startedAtMs;
    if (row === 'gone') return;
    if (row?.state === 'draining') {
      begun = true;
      if (row.sessions === 0) return;
      const progress = progressOf(row);
      if (progress !== said) say(progress);
      said = progress;
    } else if (row && begun) throw new Failure(`${node} serves again: the drain was called off`);
    if (!begun && elapsedMs > BEGIN_MS) throw new Failure(`${node} does not begin to drain`);
    if (elapsedMs > deadlineMs + END_MS) {
      throw new Failure(`${node} is not empty though its time is over`);
    }
    await sleep(POLL_MS);
  }
}

/** The node's row; `gone` when it has left; undefined while nobody can say. */
async function read(node: string, { api }: Invocation): Promise<NodeRow | 'gone' | undefined> {
  try {
    return (await api.nodes()).find(({ id }) => id === node) ?? 'gone';
  } catch (error) {
    // A gateway or directory that restarts meanwhile does not stop the drain.
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

function progressOf({ sessions, drainRemainingMs }: NodeRow): string {
  const left = `${String(sessions)} ${sessions === 1 ? 'session is' : 'sessions are'} left`;
  if (drainRemainingMs === undefined) return `${left}.`;
  return `${left}, ${formatDuration(drainRemainingMs)} remain.`;
}
