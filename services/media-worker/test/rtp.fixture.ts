import type { RtpParameters } from 'mediasoup/types';

/** A VP8 source of one or more simulcast layers, as a client would describe it. */
export function vp8Parameters(ssrcs: readonly number[]): RtpParameters {
  return {
    codecs: [
      {
        mimeType: 'video/VP8',
        payloadType: 96,
        clockRate: 90_000,
        parameters: {},
        rtcpFeedback: [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }],
      },
    ],
    headerExtensions: [],
    encodings: ssrcs.map((ssrc) => ({ ssrc })),
    rtcp: { cname: 'source' },
  };
}

export function opusParameters(ssrc: number): RtpParameters {
  return {
    codecs: [
      {
        mimeType: 'audio/opus',
        payloadType: 111,
        clockRate: 48_000,
        channels: 2,
        parameters: {},
        rtcpFeedback: [],
      },
    ],
    headerExtensions: [],
    encodings: [{ ssrc }],
    rtcp: { cname: 'source' },
  };
}

export interface Packet {
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Buffer;
}

/** An RTP packet (RFC 3550 §5.1), marker set. */
export function rtpPacket({ payloadType, sequence, timestamp, ssrc, payload }: Packet): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(0x80, 0);
  header.writeUInt8(0x80 | payloadType, 1);
  header.writeUInt16BE(sequence & 0xffff, 2);
  header.writeUInt32BE(timestamp >>> 0, 4);
  header.writeUInt32BE(ssrc, 8);
  return Buffer.concat([header, payload]);
}

/** A whole VP8 keyframe of 320 x 240 in one packet (RFC 7741 §4.2, RFC 6386 §9.1). */
export function vp8KeyFrame(): Buffer {
  const descriptor = [0x10];
  const frame = [0x10, 0x00, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00];
  return Buffer.from([...descriptor, ...frame, ...new Array<number>(100).fill(7)]);
}

/** A VP8 frame that needs the one before it. */
export function vp8DeltaFrame(): Buffer {
  return Buffer.from([0x10, 0x11, 0x00, 0x00, ...new Array<number>(100).fill(7)]);
}
