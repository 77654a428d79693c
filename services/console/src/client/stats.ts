/** Counters of one stream at one instant, read from an RTCStatsReport. */
export interface Counters {
  readonly atMs: number;
  readonly bytes: number;
  readonly packets: number;
  readonly packetsLost: number;
  readonly framesDecoded: number;
  /** Those that former PeerConnections decoded. */
  readonly framesBefore: number;
  readonly framesPerSecond: number | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly jitterMs: number | undefined;
  readonly audioLevel: number | undefined;
  readonly totalAudioEnergy: number | undefined;
  readonly codecs: readonly string[];
}

/** What flows, worked out from two readings. */
export interface Flow {
  readonly bitrateBps: number;
  /** Fraction of packets lost since the reading before, 0 to 1. */
  readonly loss: number;
  /** Over all PeerConnections that carried the stream. */
  readonly framesDecoded: number;
  readonly framesPerSecond: number | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly jitterMs: number | undefined;
  readonly audioLevel: number | undefined;
  readonly totalAudioEnergy: number | undefined;
  readonly codecs: readonly string[];
}

type Row = Readonly<Record<string, unknown>>;
type Report = ReadonlyMap<string, unknown>;

/** Sums up what the m-lines `mids` receive. */
export function receivedCounters(report: Report, mids: ReadonlySet<string>): Counters {
  return sum(report, rowsOf(report, 'inbound-rtp', mids), 'bytesReceived', 'packetsReceived');
}

/** Sums up what a connection sends, over all its simulcast layers. */
export function sentCounters(report: Report): Counters {
  const rows = rowsOf(report, 'outbound-rtp');
  const lost = rowsOf(report, 'remote-inbound-rtp').map((row) => numberIn(row, 'packetsLost') ?? 0);
  const counters = sum(report, rows, 'bytesSent', 'packetsSent');
  const source = rowsOf(report, 'media-source').find((row) => row['kind'] === 'audio');
  return {
    ...counters,
    packetsLost: lost.reduce((total, one) => total + one, 0),
    audioLevel: source && numberIn(source, 'audioLevel'),
    totalAudioEnergy: source && numberIn(source, 'totalAudioEnergy'),
  };
}

/** The round-trip time of the candidate pair in use. */
export function roundTripMs(report: Report): number | undefined {
  const pairs = rowsOf(report, 'candidate-pair');
  const used = pairs.find((row) => row['nominated'] === true && row['state'] === 'succeeded');
  return used && inMs(numberIn(used, 'currentRoundTripTime'));
}

export function flowBetween(before: Counters | undefined, now: Counters): Flow {
  const { atMs, bytes, packets, packetsLost, framesBefore, ...rest } = now;
  const elapsedMs = before ? atMs - before.atMs : 0;
  // Counters start again from zero when a stream moves to another PeerConnection.
  const since = before && elapsedMs > 0 && before.bytes <= bytes ? before : undefined;
  const bitrateBps = since ? Math.round(((bytes - since.bytes) * 8_000) / elapsedMs) : 0;
  const lost = since ? Math.max(0, packetsLost - since.packetsLost) : 0;
  const arrived = since ? packets - since.packets : 0;
  return {
    ...rest,
    framesDecoded: framesBefore + now.framesDecoded,
    bitrateBps,
    loss: lost > 0 ? lost / (lost + Math.max(0, arrived)) : 0,
  };
}

/** A reading that follows `before`, perhaps on another PeerConnection, which counts from zero. */
export function following(before: Counters | undefined, now: Counters): Counters {
  if (!before) return now;
  const anew = now.framesDecoded < before.framesDecoded;
  return { ...now, framesBefore: before.framesBefore + (anew ? before.framesDecoded : 0) };
}

function sum(report: Report, rows: readonly Row[], bytes: string, packets: string): Counters {
  const total = (field: string) =>
    rows.reduce((sofar, row) => sofar + (numberIn(row, field) ?? 0), 0);
  const video = largest(rows.filter((row) => row['kind'] === 'video'));
  const audio = rows.find((row) => row['kind'] === 'audio');
  const main = video ?? audio;
  return {
    atMs: Math.max(0, ...rows.map((row) => numberIn(row, 'timestamp') ?? 0)),
    bytes: total(bytes),
    packets: total(packets),
    packetsLost: total('packetsLost'),
    framesDecoded: total('framesDecoded'),
    framesBefore: 0,
    framesPerSecond: video && numberIn(video, 'framesPerSecond'),
    width: video && numberIn(video, 'frameWidth'),
    height: video && numberIn(video, 'frameHeight'),
    jitterMs: main && inMs(numberIn(main, 'jitter')),
    audioLevel: audio && numberIn(audio, 'audioLevel'),
    totalAudioEnergy: audio && numberIn(audio, 'totalAudioEnergy'),
    codecs: codecsOf(report, rows),
  };
}

/** Of several simulcast layers, the one that says how good the picture is. */
function largest(rows: readonly Row[]): Row | undefined {
  const width = (row: Row) => numberIn(row, 'frameWidth') ?? 0;
  return rows.reduce<Row | undefined>(
    (best, row) => (best && width(best) >= width(row) ? best : row),
    undefined,
  );
}

function codecsOf(report: Report, rows: readonly Row[]): readonly string[] {
  const names = rows.flatMap((row) => {
    const codec = report.get(String(row['codecId'])) as Row | undefined;
    const mimeType = codec?.['mimeType'];
    return typeof mimeType === 'string' ? [mimeType.replace(/^\w+\//, '')] : [];
  });
  return [...new Set(names)];
}

function rowsOf(report: Report, type: string, mids?: ReadonlySet<string>): readonly Row[] {
  const rows = [...report.values()] as Row[];
  return rows.filter((row) => row['type'] === type && (!mids || mids.has(String(row['mid']))));
}

function numberIn(row: Row, field: string): number | undefined {
  const value = row[field];
  return typeof value === 'number' ? value : undefined;
}

function inMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1_000;
}
