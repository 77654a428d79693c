import type { MediaSection } from './session-description.js';

/** One layer of a simulcast that a client will send, named by rid (RFC 8851, RFC 8853). */
export interface Layer {
  readonly rid: string;
  /** Announced as not sent at first. */
  readonly paused: boolean;
}

/** What the selective forwarding in mediasoup makes use of; more layers are declined. */
const MAX_LAYERS = 4;
/** The grammar of RFC 8851 has `-` and `_`; RFC 8852 forbids both on the wire, and allows 16 characters. */
const RID = /^([A-Za-z0-9_-]{1,16}) (send|recv)(?: ([ -~]{1,256}))?$/;
const SIMULCAST = /^ ?(send|recv) ([A-Za-z0-9_~;,-]+)(?: (send|recv) ([A-Za-z0-9_~;,-]+))?$/;

/** Names that people give to layers, from the smallest picture to the largest. */
const FAMILIES: readonly (readonly string[])[] = [
  ['q', 'h', 'f'],
  ['l', 'm', 'h'],
  ['l', 'h'],
  ['lo', 'mid', 'hi'],
  ['low', 'mid', 'high'],
  ['low', 'medium', 'high'],
  ['quarter', 'half', 'full'],
];

interface Rid {
  readonly rid: string;
  /** Payload types that it is bound to; undefined for any. */
  readonly payloadTypes: ReadonlySet<string> | undefined;
  /** The largest picture or bitrate that it promises; undefined where it promises none. */
  readonly ceiling: number | undefined;
}

/**
 * The layers that `section` offers to send as the codec of `payloadType`, the smallest picture
 * first, as mediasoup counts spatial layers. Of alternatives the first usable is taken. Empty where
 * nothing is sent by rid.
 */
export function readLayers(section: MediaSection, payloadType: number): Layer[] {
  const rids = readRids(section);
  const usable = (name: string): boolean => {
    const rid = rids.get(name);
    if (!rid) return false;
    return rid.payloadTypes === undefined || rid.payloadTypes.has(String(payloadType));
  };
  const layers: Layer[] = [];
  for (const alternatives of simulcastStreams(section) ??
    [...rids.keys()].slice(0, 1).map((rid) => [rid])) {
    const chosen = alternatives.find(
      (name) => usable(bare(name)) && !layers.some((layer) => layer.rid === bare(name)),
    );
    if (chosen !== undefined) layers.push({ rid: bare(chosen), paused: chosen.startsWith('~') });
  }
  return bySize(layers, rids).slice(0, MAX_LAYERS);
}

function readRids(section: MediaSection): Map<string, Rid> {
  const rids = new Map<string, Rid>();
  for (const line of section.attributes.all('rid')) {
    const [, rid, direction, restrictions] = RID.exec(line) ?? [];
    if (rid === undefined || direction !== 'send' || rids.has(rid)) continue;
    rids.set(rid, { rid, ...readRestrictions(restrictions ?? '') });
  }
  return rids;
}

function readRestrictions(text: string): Omit<Rid, 'rid'> {
  let payloadTypes: ReadonlySet<string> | undefined;
  const sizes = new Map<string, number>();
  for (const restriction of text.split(';')) {
    const [name = '', value = ''] = restriction.trim().split('=', 2);
    if (name === 'pt') payloadTypes = new Set(value.split(','));
    else if (/^\d{1,9}$/.test(value)) sizes.set(name, Number(value));
  }
  const [width, height] = [sizes.get('max-width'), sizes.get('max-height')];
  const area = width === undefined || height === undefined ? undefined : width * height;
  return { payloadTypes, ceiling: area ?? width ?? height ?? sizes.get('max-br') };
}

/** The `send` half of `a=simulcast`: streams, each a list of alternatives. */
function simulcastStreams(section: MediaSection): string[][] | undefined {
  const [, direction, list, otherDirection, otherList] =
    SIMULCAST.exec(section.attributes.first('simulcast') ?? '') ?? [];
  const send = direction === 'send' ? list : otherDirection === 'send' ? otherList : undefined;
  return send?.split(';').map((alternatives) => alternatives.split(','));
}

/**
 * SDP tells no order of sizes, and pages write both orders. Sizes that are promised count first,
 * then well-known names; otherwise the order stays, which by default is rising (W3C WebRTC 5.2).
 */
function bySize(layers: readonly Layer[], rids: ReadonlyMap<string, Rid>): Layer[] {
  const ceilings = layers.map((layer) => rids.get(layer.rid)?.ceiling);
  if (ceilings.every((ceiling) => ceiling !== undefined)) {
    return sortBy(layers, (layer) => rids.get(layer.rid)?.ceiling ?? 0);
  }
  const names = layers.map((layer) => layer.rid.toLowerCase());
  const family = FAMILIES.find((members) => names.every((name) => members.includes(name)));
  if (!family) return [...layers];
  return sortBy(layers, (layer) => family.indexOf(layer.rid.toLowerCase()));
}

function sortBy(layers: readonly Layer[], rank: (layer: Layer) => number): Layer[] {
  return [...layers].sort((some, other) => rank(some) - rank(other));
}

function bare(name: string): string {
  return name.startsWith('~') ? name.slice(1) : name;
}
