import { median, p95 } from '../report/statistics.js';
import type { AudienceResult } from './audience.js';
import { LIMITS, TOPOLOGY } from './simulated-cluster.js';
import type { SmallRoomsResult } from './small-rooms.js';
import type { TreeShape } from './tree-shape.js';

/** docs/simulation.md, in whole. */
export function simulationPage(
  audience: AudienceResult,
  rooms: SmallRoomsResult,
  machine: string,
): string {
  const { regions, zonesPerRegion, nodesPerZone, coresPerNode } = TOPOLOGY;
  const nodes = regions * zonesPerRegion * nodesPerZone;
  return `# The relay planner at scale

Written by \`bench/simulation\`, never by hand. One replica of the stream directory, the real one but
for its NATS and gRPC, hears what ${number(nodes)} media nodes would tell it: ${regions} regions with
${zonesPerRegion} zones of ${nodesPerZone} nodes, ${coresPerNode} cores each. A router feeds at most
${LIMITS.maxChildren} others; a tree is at most ${LIMITS.maxDepth} deep. The time of a plan includes finding the
stream and signing the ticket. Machine: ${machine}.

## One stream, ${number(audience.viewers)} viewers

Viewers arrive at random cores. Then ${number(audience.churnPlansMs.length)} cores that had lost their last viewer
regain one, and then ${audience.deaths} nodes die one after the other, whose orphans plan again.

${table([
  ['', 'full', 'after churn', 'after deaths'],
  ...shapeRows([audience.full, audience.afterChurn, audience.afterDeaths]),
  ...timeRows([audience.joinPlansMs, audience.churnPlansMs, audience.deathPlansMs]),
])}

The heap of the whole simulation, thousand nodes and all facts included, held ${audience.heapMiB} MiB.

## ${number(rooms.rooms)} small rooms

One stream each, wanted on one to three other cores, nine times of ten in its own region:
${number(rooms.relays)} relays. Shapes are the worst of ${number(rooms.samples)} trees drawn at random.

${table([['', 'small rooms'], ...shapeRows([rooms.worst]), ...timeRows([rooms.plansMs])])}

The heap held ${rooms.heapMiB} MiB.
`;
}

function shapeRows(shapes: readonly TreeShape[]): string[][] {
  const row = (what: string, of: (shape: TreeShape) => string) => [what, ...shapes.map(of)];
  return [
    row('routers that have the stream', ({ routers }) => number(routers)),
    row('depth, most', ({ depthMax }) => number(depthMax)),
    row('depth, mean', ({ depthMean }) => depthMean.toFixed(2)),
    row('routers fed by one, most', ({ childrenMax }) => number(childrenMax)),
    row('copies into one region, most', ({ copiesMax }) => number(copiesMax.region)),
    row('copies into one zone, most', ({ copiesMax }) => number(copiesMax.zone)),
    row('copies into one node, most', ({ copiesMax }) => number(copiesMax.node)),
    row('what `validate()` finds', ({ problems }) => number(problems.length)),
  ];
}

function timeRows(plansMs: readonly (readonly number[])[]): string[][] {
  const row = (what: string, of: (times: readonly number[]) => string) => [
    what,
    ...plansMs.map(of),
  ];
  const most = (times: readonly number[]) => times.reduce((max, time) => Math.max(max, time), 0);
  return [
    row('plans', (times) => number(times.length)),
    row('time per plan, median', (times) => `${median(times).toFixed(3)} ms`),
    row('time per plan, 95th percentile', (times) => `${p95(times).toFixed(3)} ms`),
    row('time per plan, most', (times) => `${most(times).toFixed(1)} ms`),
  ];
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const padded = rows.map((row) =>
    line(
      row.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!),
      ),
    ),
  );
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [padded[0]!, line(rule), ...padded.slice(1)].join('\n');
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
