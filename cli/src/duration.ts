import { UsageError } from './failure.js';

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `90s`, `5m`, `1h30m` and the like. @throws {UsageError} naming the option. */
export function parseDuration(text: string, option: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) {
    throw new UsageError(`--${option} takes a time such as 90s, 5m or 1h30m, not '${text}'`);
  }
  return parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNITS_MS[unit ?? ''] ?? 0),
    0,
  );
}

/** How people say it: `41 s`, `4 min 10 s`, `2 h 5 min`. */
export function formatDuration(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 60) return `${String(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  const rest = (count: number, unit: string) => (count === 0 ? '' : ` ${String(count)} ${unit}`);
  if (minutes < 60) return `${String(minutes)} min${rest(seconds % 60, 's')}`;
  return `${String(Math.floor(minutes / 60))} h${rest(minutes % 60, 'min')}`;
}
