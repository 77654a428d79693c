/** The payload protocol id of the messages that open data channels (RFC 8831 §8). */
export const DCEP_PPID = 50;

const OPEN = 3;
const ACK = 2;
const OPEN_HEADER_BYTES = 12;

/** The answer to a DATA_CHANNEL_OPEN (RFC 8832 §5.2). */
export const DCEP_ACK = Buffer.from([ACK]);

/** A DATA_CHANNEL_OPEN of a reliable, ordered channel (RFC 8832 §5.1). */
export function dcepOpen(label: string): Buffer {
  const name = Buffer.from(label, 'utf8');
  const header = Buffer.alloc(OPEN_HEADER_BYTES);
  header.writeUInt8(OPEN, 0);
  header.writeUInt16BE(name.length, 8);
  return Buffer.concat([header, name]);
}

/** The label of a DATA_CHANNEL_OPEN; undefined for any other message. */
export function dcepLabel(message: Buffer): string | undefined {
  if (message.length < OPEN_HEADER_BYTES || message.readUInt8(0) !== OPEN) return undefined;
  const length = message.readUInt16BE(8);
  if (message.length < OPEN_HEADER_BYTES + length) return undefined;
  return message.toString('utf8', OPEN_HEADER_BYTES, OPEN_HEADER_BYTES + length);
}
