const HEADER_BYTES = 12;
/** VP8 payload descriptor: start of partition 0 (RFC 7741). */
const START_OF_FRAME = 0x10;
/** First byte of a VP8 frame header whose lowest bit says: key frame. */
const KEY_FRAME = 0x00;

/** Where one stream of RTP packets is. */
export interface RtpPosition {
  readonly ssrc: number;
  readonly payloadType: number;
  sequenceNumber: number;
  timestamp: number;
}

/**
 * The next packet of a VP8 stream in which each packet is a whole key frame, so that whoever starts
 * to watch need not wait for one.
 */
export function nextPacket(position: RtpPosition, payloadBytes: number): Buffer {
  const packet = Buffer.alloc(HEADER_BYTES + payloadBytes);
  packet.writeUInt8(0x80, 0);
  packet.writeUInt8(0x80 | position.payloadType, 1);
  packet.writeUInt16BE(position.sequenceNumber, 2);
  packet.writeUInt32BE(position.timestamp, 4);
  packet.writeUInt32BE(position.ssrc, 8);
  packet.writeUInt8(START_OF_FRAME, HEADER_BYTES);
  packet.writeUInt8(KEY_FRAME, HEADER_BYTES + 1);
  position.sequenceNumber = (position.sequenceNumber + 1) % 2 ** 16;
  return packet;
}
