import type { NodeRow } from '@sluice/protocol';
import { printJson, type Command, type Invocation } from '../command.js';
import { formatDuration } from '../duration.js';
import { table } from '../table.js';

export const nodes: Command = {
  name: 'nodes',
  summary: 'list the media nodes, their load and what drains',
  usage: '[options]',
  description: `Lists the cluster's media nodes. LOAD is the fraction of a node's capacity in use; HEARD is how
long ago its last heartbeat was, normally not more than a second.`,
  optionHelp: [],
  examples: [
    'sluice nodes',
    'sluice nodes --json | jq -r \'.[] | select(.state == "draining").id\'',
  ],
  options: {},
  positionals: [],
  run: list,
};

async function list(invocation: Invocation): Promise<void> {
  const rows = (await invocation.api.nodes()).toSorted((a, b) => a.id.localeCompare(b.id));
  if (invocation.json) printJson(invocation, rows);
  else if (rows.length === 0) invocation.surroundings.out('No media node is there.\n');
  else invocation.surroundings.out(table(HEADER, rows.map(cells)));
}

const HEADER = ['NODE', 'STATE', 'LOAD', 'SESSIONS', 'REGION', 'ZONE', 'HEARD'];

function cells({ id, state, load, sessions, region, zone, ...row }: NodeRow): string[] {
  const remaining = row.drainRemainingMs;
  const left = remaining === undefined ? '' : `, ${formatDuration(remaining)} left`;
  const heard = `${(row.silenceMs / 1_000).toFixed(1)} s ago`;
  const percent = `${String(Math.round(load * 100))} %`;
  return [id, `${state}${left}`, percent, String(sessions), region, zone, heard];
}
