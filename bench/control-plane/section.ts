import { median } from '../report/statistics.js';
import { table } from '../report/table.js';
import type { IdleMemory, MemoryEach } from './idle-memory.js';
import type { JoinRate, JoinRates } from './join-rate.js';
import type { LookupFigures, Lookups } from './lookups.js';
import type { ControlPlane } from './measure.js';

const BUSY = 'Not measured: something else used the machine.\n';

/** The part of docs/benchmarks.md that is about the control plane. */
export function controlPlaneSection({ joins, lookups, idle }: ControlPlane): string {
  return `## Joins a second

Clients that only signal come at random times and wait for nobody. Each connects, authenticates, joins
one of 40 rooms, publishes sound and a picture and watches the room's first publisher; then it stays
until four others have come. The transports, producers and consumers on the servers are real, ICE and
DTLS are not played. A rate is sustained when for three seconds 99 % have joined within 500 ms of
their coming and nobody was refused. Both systems have two mediasoup workers; the clients have one
core for themselves, each system the others. The plain program checks no token, places nothing, claims
no name and tells nobody else in the room. Aim: 0.6 times its rate.

${joins ? joinTables(joins) : BUSY}
## Looking up a stream

The directory, asked over gRPC as media nodes ask it, against a plain \`get\` of a JetStream KV bucket
with the same answers on the same nats-server: ${lookups.plan.inTurn} one after the other, then ${lookups.plan.atOnce} at a time
for a second, by turns.

${lookupTable(lookups)}
## Memory of an idle session

What each of ${idle.plan.sessions} idle clients costs the process it is connected to, against a bare server of the
same WebSocket library: the heap after garbage collection with the buffers it holds, and resident
memory. A client that has joined is in a room of ${idle.plan.perRoom} and has a session on a media node, which the
gateway watches. Aim: three times the bare socket.

${memoryTable(idle)}`;
}

function joinTables({ sluice, plain, pinned }: JoinRates): string {
  const rate = ({ found }: JoinRate) =>
    `${median(found).toFixed(0)} (${found.map((one) => one.toFixed(0)).join(', ')})`;
  const cpuRows = [
    ...Object.entries(sluice.cpuMsPerJoin).map(([part, ms]) => ['Sluice', part, ms] as const),
    ...Object.entries(plain.cpuMsPerJoin).map(([part, ms]) => ['plain', part, ms] as const),
  ].map(([system, part, ms]) => [system, part, `${ms.toFixed(2)} ms`]);
  const total = (of: JoinRate) => Object.values(of.cpuMsPerJoin).reduce((sum, ms) => sum + ms, 0);
  return `${table(
    ['', 'Sluice', 'plain', 'ratio: median (least to most)'],
    [
      [
        'joins a second, sustained (of each search)',
        rate(sluice),
        rate(plain),
        spread(sluice.found.map((found, index) => found / (plain.found[index] ?? 0))),
      ],
      [
        'CPU per join, all processes',
        `${total(sluice).toFixed(2)} ms`,
        `${total(plain).toFixed(2)} ms`,
        (total(sluice) / total(plain)).toFixed(2),
      ],
    ],
  )}
${table(['system', 'CPU per join', ''], cpuRows)}${pinned ? '' : '\nNothing could be pinned to a core.\n'}`;
}

function lookupTable({ pairs, ownUs }: Lookups): string {
  const row = (name: string, of: (figures: LookupFigures) => number, unit: string) => {
    const [ours, theirs] = [
      pairs.map(({ directory }) => of(directory)),
      pairs.map(({ kv }) => of(kv)),
    ];
    return [
      name,
      `${median(ours).toFixed(0)}${unit}`,
      `${median(theirs).toFixed(0)}${unit}`,
      spread(ours.map((one, index) => one / (theirs[index] ?? 0))),
    ];
  };
  return `${table(
    ['', 'directory', 'NATS KV', 'ratio: median (least to most)'],
    [
      row('latency, median', ({ medianUs }) => medianUs, ' µs'),
      row('latency, 99th percentile', ({ p99Us }) => p99Us, ' µs'),
      row('look-ups a second', ({ perSecond }) => perSecond, ''),
    ],
  )}
The look-up itself takes ${ownUs.toFixed(1)} µs of CPU among 100,000 streams on 1,000 nodes; the rest is gRPC.
`;
}

function memoryTable({ bare, connected, joined }: IdleMemory): string {
  const row = (name: string, { heap, resident }: MemoryEach) => [
    name,
    kibibytes(heap),
    (heap / bare.heap).toFixed(1),
    kibibytes(resident),
    (resident / bare.resident).toFixed(1),
  ];
  return table(
    ['each', 'heap', 'ratio', 'resident', 'ratio'],
    [
      row('bare WebSocket', bare),
      row('authenticated client', connected),
      row('client that has joined', joined),
    ],
  );
}

function spread(ratios: readonly number[]): string {
  if (ratios.length === 0 || !ratios.every(Number.isFinite)) return 'nothing to compare with';
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  return `${median(ratios).toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
}

function kibibytes(bytes: number): string {
  return `${(bytes / 1_024).toFixed(1)} KiB`;
}
