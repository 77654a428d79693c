/** Numbers as people read them; a dash for what is not known. */
export const UNKNOWN = '–';

export function formatBitrate(bps: number | undefined): string {
  if (bps === undefined) return UNKNOWN;
  if (bps >= 1_000_000) return `${(bps / 1_000_000).toFixed(bps >= 10_000_000 ? 0 : 1)} Mbit/s`;
  return `${Math.round(bps / 1_000)} kbit/s`;
}

export function formatMs(ms: number | undefined): string {
  if (ms === undefined) return UNKNOWN;
  return ms > 0 && ms < 1 ? '< 1 ms' : `${Math.round(ms)} ms`;
}

export function formatFraction(fraction: number | undefined): string {
  if (fraction === undefined) return UNKNOWN;
  const percent = fraction * 100;
  return `${percent > 0 && percent < 10 ? percent.toFixed(1) : percent.toFixed(0)} %`;
}

export function formatRate(framesPerSecond: number | undefined): string {
  return framesPerSecond === undefined ? UNKNOWN : `${Math.round(framesPerSecond)} fps`;
}

export function formatSize(width: number | undefined, height: number | undefined): string {
  return width === undefined || height === undefined ? UNKNOWN : `${width} × ${height}`;
}

/** mediasoup's layers as its own tools write them: spatial, then temporal. */
export function formatLayers(spatial: number | undefined, temporal: number | undefined): string {
  return spatial === undefined ? UNKNOWN : `S${spatial} T${temporal ?? 0}`;
}

export function purposeLabel(purpose: string): string {
  if (purpose === 'm.usermedia') return 'Camera';
  return purpose === 'm.screenshare' ? 'Screen' : purpose;
}

/** Up to two letters for a picture of somebody who sends none. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const chosen = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  const letters = chosen.map((word) => firstLetter(word ?? ''));
  return letters.join('').toUpperCase() || '?';
}

/** What people take for one letter may be several code points. */
function firstLetter(word: string): string {
  const [first] = new Intl.Segmenter().segment(word);
  return first?.segment ?? '';
}
