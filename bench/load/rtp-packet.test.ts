import { expect, test } from 'vitest';
import { nextPacket } from './rtp-packet.js';

const position = () => ({ ssrc: 7, payloadType: 96, sequenceNumber: 65_535, timestamp: 90_000 });

test('a packet has a header of RTP version 2 and as much payload as was asked for', () => {
  const packet = nextPacket(position(), 1_100);
  expect(packet.length).toBe(12 + 1_100);
  expect(packet.readUInt8(0) >> 6).toBe(2);
  expect(packet.readUInt8(1) & 0x7f).toBe(96);
  expect(packet.readUInt32BE(4)).toBe(90_000);
  expect(packet.readUInt32BE(8)).toBe(7);
});

test('sequence numbers grow by one and start again after the largest', () => {
  const stream = position();
  const numbers = [nextPacket(stream, 10), nextPacket(stream, 10)].map((packet) =>
    packet.readUInt16BE(2),
  );
  expect(numbers).toEqual([65_535, 0]);
});

test('each packet is a VP8 key frame of its own', () => {
  const packet = nextPacket(position(), 10);
  const startOfFirstPartition = packet.readUInt8(12) & 0x1f;
  expect(startOfFirstPartition).toBe(0x10);
  expect(packet.readUInt8(13) & 0x01).toBe(0);
});
