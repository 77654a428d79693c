/** The payload protocol ids of what data channels carry (RFC 8831 §8). */
export const PPID = {
  dcep: 50,
  text: 51,
  binary: 53,
  emptyText: 56,
  emptyBinary: 57,
} as const;

/** What a data channel promises, and how it is called. */
export interface ChannelParameters {
  readonly label: string;
  readonly protocol: string;
  readonly ordered: boolean;
  /** At most one of these two; with neither, all messages arrive. */
  readonly maxRetransmits?: number | undefined;
  readonly maxPacketLifeTimeMs?: number | undefined;
}

export type DcepMessage =
  { readonly type: 'ack' } | { readonly type: 'open'; readonly parameters: ChannelParameters };

const OPEN = 3;
const ACK = 2;
const OPEN_HEADER_BYTES = 12;
const UNORDERED = 0x80;
const RELIABLE = 0;
const LIMITED_RETRANSMITS = 1;
const LIMITED_LIFE_TIME = 2;
/** mediasoup and browsers count in 16 bits. */
const LIMIT_MAX = 65_535;
const NAME_MAX_BYTES = 256;

/** The answer to a DATA_CHANNEL_OPEN (RFC 8832 §5.2). */
export const DCEP_ACK = Buffer.from([ACK]);

/** A DATA_CHANNEL_OPEN (RFC 8832 §5.1). */
export function dcepOpen(parameters: ChannelParameters): Buffer {
  const label = Buffer.from(parameters.label, 'utf8');
  const protocol = Buffer.from(parameters.protocol, 'utf8');
  const header = Buffer.alloc(OPEN_HEADER_BYTES);
  header.writeUInt8(OPEN, 0);
  header.writeUInt8(channelType(parameters), 1);
  header.writeUInt32BE(parameters.maxRetransmits ?? parameters.maxPacketLifeTimeMs ?? 0, 4);
  header.writeUInt16BE(label.length, 8);
  header.writeUInt16BE(protocol.length, 10);
  return Buffer.concat([header, label, protocol]);
}

/** Undefined for what RFC 8832 does not know, and for names that are none. */
export function readDcep(message: Buffer): DcepMessage | undefined {
  if (message.length === 0) return undefined;
  if (message.readUInt8(0) === ACK) return { type: 'ack' };
  if (message.readUInt8(0) !== OPEN || message.length < OPEN_HEADER_BYTES) return undefined;
  const type = message.readUInt8(1);
  const limit = Math.min(message.readUInt32BE(4), LIMIT_MAX);
  const labelEnd = OPEN_HEADER_BYTES + message.readUInt16BE(8);
  const end = labelEnd + message.readUInt16BE(10);
  const label = nameIn(message, OPEN_HEADER_BYTES, labelEnd);
  const protocol = nameIn(message, labelEnd, end);
  const reliability = reliabilityOf(type & ~UNORDERED, limit);
  if (label === undefined || protocol === undefined || !reliability) return undefined;
  const ordered = (type & UNORDERED) === 0;
  return { type: 'open', parameters: { label, protocol, ordered, ...reliability } };
}

/** Whether two channels are the same to those who use them. */
export function sameParameters(one: ChannelParameters, other: ChannelParameters): boolean {
  return dcepOpen(one).equals(dcepOpen(other));
}

/** Whether all messages of it arrive. */
export function isReliable(parameters: ChannelParameters): boolean {
  return parameters.maxRetransmits === undefined && parameters.maxPacketLifeTimeMs === undefined;
}

function channelType(parameters: ChannelParameters): number {
  const order = parameters.ordered ? 0 : UNORDERED;
  if (parameters.maxRetransmits !== undefined) return order | LIMITED_RETRANSMITS;
  return order | (parameters.maxPacketLifeTimeMs === undefined ? RELIABLE : LIMITED_LIFE_TIME);
}

function reliabilityOf(
  type: number,
  limit: number,
): Pick<ChannelParameters, 'maxRetransmits' | 'maxPacketLifeTimeMs'> | undefined {
  if (type === RELIABLE) return {};
  if (type === LIMITED_RETRANSMITS) return { maxRetransmits: limit };
  return type === LIMITED_LIFE_TIME ? { maxPacketLifeTimeMs: limit } : undefined;
}

function nameIn(message: Buffer, start: number, end: number): string | undefined {
  if (end > message.length || end - start > NAME_MAX_BYTES) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      message.subarray(start, end),
    );
  } catch {
    return undefined;
  }
}
