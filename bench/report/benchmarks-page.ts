import type { Cost, ForwardingPlan, Pair } from '../forwarding/compare.js';
import type { Join, Joins } from '../join/measure.js';
import type { Machine } from '../machine/description.js';
import { controlPlaneSection } from '../control-plane/section.js';
import type { ControlPlane } from '../control-plane/measure.js';
import { median, p95 } from './statistics.js';
import { table } from './table.js';

/** What one run has found; a part is undefined when the machine was too busy for it. */
export interface Findings {
  readonly machine: Machine;
  readonly measuredAt: Date;
  readonly pinned: boolean;
  readonly joins: Joins | undefined;
  readonly plan: ForwardingPlan;
  readonly near: readonly Pair[] | undefined;
  readonly far: readonly Pair[] | undefined;
  readonly controlPlane: ControlPlane;
}

const PHASES: readonly (readonly [keyof Join, string])[] = [
  ['authenticate', 'WebSocket and authentication'],
  ['enterRoom', 'joining the room'],
  ['subscribe', 'subscribing, until the offer'],
  ['connect', 'ICE and DTLS'],
  ['firstPacket', 'first packet'],
  ['firstFrame', 'first frame decoded'],
  ['total', '**all of it**'],
];

const BUSY = 'Not measured: something else used the machine.\n';

/** docs/benchmarks.md, in whole. */
export function benchmarksPage(findings: Findings): string {
  return `# Benchmarks

Written by \`make bench\`, never by hand. All figures are of one run on one machine, next to a plain
mediasoup program (\`bench/plain\`) that does the same for the same clients with the same mediasoup
worker. What counts is the ratio; milliseconds and microseconds are this machine's.

${machineTable(findings)}
## From joining to the first decoded frame

A page in Chromium opens a WebSocket, authenticates, joins, subscribes to somebody who publishes
640x360 VP8 and Opus, and waits for its first decoded frame. Joins into the cluster and into the
plain program alternate, and so do joins on the publisher's node and across. Each join across nodes
finds no relay and opens one; the plain program opens its pipe once, before what is counted, and
keeps it. Aims: at the 95th percentile less than 300 ms on the same node, 400 ms across nodes.

${findings.joins ? joinTables(findings.joins) : BUSY}
## CPU per forwarded packet

${loadSentence(findings)} The two take turns; each ratio is one pair of turns. Aim: the worker
at most 1.02 times the plain program's.

### To viewers on the publisher's node

${findings.near ? costTable(findings.near) : BUSY}
### To viewers on another node, over an encrypted pipe with retransmission

${findings.far ? costTable(findings.far) : BUSY}
${controlPlaneSection(findings.controlPlane)}`;
}

function machineTable({ machine, measuredAt, pinned }: Findings): string {
  const rows = [
    ['measured', measuredAt.toISOString().slice(0, 10)],
    ['CPU', `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB`],
    ['system', `${machine.system}, Linux ${machine.kernel}`],
    ['versions', `Node.js ${machine.node}, mediasoup ${machine.mediasoup}`],
    ['pinning', pinned ? 'workers on one core, clients on another' : 'none'],
  ];
  return table(['', ''], rows);
}

function joinTables({ sluice, plain }: Joins): string {
  return (['near', 'far'] as const)
    .map((where) => {
      const title = where === 'near' ? 'On the same node' : 'Across nodes';
      const rows = PHASES.map(([phase, name]) => {
        const [ours, theirs] = [values(sluice[where], phase), values(plain[where], phase)];
        return [name, ...[median(ours), p95(ours), median(theirs), p95(theirs)].map(milliseconds)];
      });
      const totals = [sluice, plain].map((of) => p95(values(of[where], 'total')));
      const ratio = (totals[0] ?? 0) / (totals[1] ?? 1);
      const head = ['phase', 'median', 'p95', 'plain median', 'plain p95'];
      return `### ${title}\n\n${table(head, rows)}\n${sluice[where].length} joins each; the 95th percentile is ${ratio.toFixed(2)} times the plain program's.\n`;
    })
    .join('\n');
}

function loadSentence({ plan }: Findings): string {
  const { viewers, rate, pairs, windowMs } = plan;
  return `One client publishes ${rate.packetsPerSecond} packets of ${rate.payloadBytes} bytes a second to ${viewers} viewers, all over ICE, DTLS and
SRTP, for ${windowMs / 1_000} s at a time, ${pairs} times in each system. CPU is what \`/proc/<pid>/stat\` says of the worker processes, and of the
processes that control them.`;
}

function costTable(pairs: readonly Pair[]): string {
  const rows = (
    [
      ['mediasoup workers', ({ worker }: Cost) => worker],
      ['control processes', ({ control }: Cost) => control],
      ['together', ({ worker, control }: Cost) => worker + control],
    ] as const
  ).map(([name, of]) => {
    const ratios = pairs.map(({ sluice, plain }) => of(sluice) / of(plain));
    const [ours, theirs] = [
      pairs.map((pair) => of(pair.sluice)),
      pairs.map((pair) => of(pair.plain)),
    ];
    return [
      name,
      `${median(ours).toFixed(2)} µs`,
      `${median(theirs).toFixed(2)} µs`,
      ratios.every(Number.isFinite)
        ? `${median(ratios).toFixed(3)} (${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)})`
        : 'too little to compare',
    ];
  });
  const rate = median(pairs.map(({ sluice }) => sluice.packetsPerSecond));
  const shortfall = Math.max(
    ...pairs.flatMap(({ sluice, plain }) => [sluice.shortfall, plain.shortfall]),
  );
  return `${table(['CPU per packet', 'Sluice', 'plain', 'ratio: median (least to most)'], rows)}
${Math.round(rate)} packets a second reached the viewers, at most ${(Math.max(0, shortfall) * 100).toFixed(2)} % fewer than planned.
`;
}

function values(joins: readonly Join[], phase: keyof Join): readonly number[] {
  return joins.map((join) => join[phase]);
}

function milliseconds(value: number): string {
  return `${value.toFixed(0)} ms`;
}
