import { PROMISES, type FaultId, type Promised } from './promises.js';
import type { FaultRecord } from './records.js';

export interface Surroundings {
  /** Such as 2026-01-31. */
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly system: string;
}

/** docs/faults.md, in whole. */
export function faultsPage(records: readonly FaultRecord[], surroundings: Surroundings): string {
  const drilled = Object.entries(PROMISES).map(([id, promised]) => ({
    promised,
    runs: records.filter(({ fault }) => fault === (id as FaultId)),
  }));
  const { date, cpu, cores, system } = surroundings;
  return `# Faults

Written by \`make faults\`, never by hand. Each fault is really done, to a cluster of real processes
over which people call from the web console in Chromium: three or four of them, each on another node,
who all hear each other, the first with a camera. The gap is the longest time in which the worst-off
caller got no packet of somebody's sound, by a clock in the page, from the fault until all was well
again. _Quiet_ is the same of the same call just before the fault: what this machine adds by itself.

A promise is held when everything else that it says was seen in every run, and the 95th percentile of
the gap is within the promise or, on a busy machine, within that of the quiet.

Measured ${date}: ${cpu}, ${cores} cores, ${system}. ${loadSentence(records)}

${table(
  ['fault', 'promise', 'gap promised', 'runs', 'median', 'p95', 'max', 'quiet p95', 'held'],
  drilled.map(({ promised, runs }) => row(promised, runs)),
)}
## More that was measured

${table(
  ['fault', 'what', 'median', 'p95', 'max'],
  drilled.flatMap(({ promised, runs }) => figureRows(promised, runs)),
)}${failures(drilled)}`;
}

function loadSentence(records: readonly FaultRecord[]): string {
  const loads = records.map(({ loadPerCore }) => loadPerCore);
  const [usual, most] = [quantile(loads, 0.5), Math.max(0, ...loads)].map((load) =>
    load.toFixed(1),
  );
  return `Load for each core: ${usual} in the median run, ${most} at most; above 1 the machine had more to do than
it could, and its own gaps come on top of those of the faults.`;
}

interface Drilled {
  readonly promised: Promised;
  readonly runs: readonly FaultRecord[];
}

function row(promised: Promised, runs: readonly FaultRecord[]): readonly string[] {
  const { fault, promise, gapMs } = promised;
  const gaps = runs.map(worstGapMs);
  const quiet = runs.map(({ quietGapMs }) => quietGapMs);
  const figures = [
    quantile(gaps, 0.5),
    quantile(gaps, 0.95),
    Math.max(...gaps),
    quantile(quiet, 0.95),
  ];
  const shown = runs.length === 0 ? figures.map(() => '') : figures.map(milliseconds);
  return [
    fault,
    promise,
    milliseconds(gapMs),
    String(runs.length),
    ...shown,
    verdict(promised, runs),
  ];
}

function verdict({ gapMs }: Promised, runs: readonly FaultRecord[]): string {
  if (runs.length === 0) return 'not done here';
  const failed = runs.filter(({ failure }) => failure !== undefined).length;
  const p95 = quantile(runs.map(worstGapMs), 0.95);
  const quiet = quantile(
    runs.map(({ quietGapMs }) => quietGapMs),
    0.95,
  );
  const wrong = [
    ...(failed > 0 ? [`${failed} of ${runs.length} runs failed`] : []),
    ...(p95 > Math.max(gapMs, quiet) ? ['gap too long'] : []),
  ];
  return wrong.length === 0 ? 'yes' : `**no**: ${wrong.join(', ')}`;
}

function figureRows({ fault }: Promised, runs: readonly FaultRecord[]): readonly string[][] {
  const names = [...new Set(runs.flatMap(({ figures }) => Object.keys(figures)))];
  return names.map((name) => {
    const values = runs.flatMap(({ figures }) => figures[name] ?? []);
    const shown = [quantile(values, 0.5), quantile(values, 0.95), Math.max(...values)];
    const unit = name.endsWith(' in ms') ? milliseconds : (value: number) => value.toFixed(0);
    return [fault, name.replace(/ in ms$/, ''), ...shown.map(unit)];
  });
}

function failures(drilled: readonly Drilled[]): string {
  const lines = drilled.flatMap(({ promised, runs }) =>
    runs.flatMap(({ run, failure }) =>
      failure === undefined ? [] : [`- ${promised.fault}, run ${run}: ${firstLine(failure)}`],
    ),
  );
  return lines.length === 0 ? '' : `\n## Runs that failed\n\n${lines.join('\n')}\n`;
}

function worstGapMs({ gapsMs }: FaultRecord): number {
  return Math.max(0, ...Object.values(gapsMs));
}

/** The value below which `fraction` of the values lie, between neighbours interpolated; 0 of none. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  const position = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(position)] ?? 0;
  const above = sorted[Math.ceil(position)] ?? 0;
  return below + (above - below) * (position - Math.floor(position));
}

function milliseconds(value: number): string {
  return `${value.toFixed(0)} ms`;
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 300);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`;
}
