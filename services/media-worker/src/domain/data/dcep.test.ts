import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DCEP_ACK, dcepOpen, isReliable, readDcep, type ChannelParameters } from './dcep.js';

const name = fc.string({ unit: 'grapheme', maxLength: 30 });
const limit = fc.nat({ max: 65_535 });
const parameters: fc.Arbitrary<ChannelParameters> = fc
  .record({
    label: name,
    protocol: name,
    ordered: fc.boolean(),
    reliability: fc.oneof(
      fc.constant({}),
      fc.record({ maxRetransmits: limit }),
      fc.record({ maxPacketLifeTimeMs: limit }),
    ),
  })
  .map(({ reliability, ...rest }) => ({ ...rest, ...reliability }))
  .filter(({ label, protocol }) =>
    [label, protocol].every((text) => Buffer.byteLength(text) <= 256),
  );

describe('a request to open a channel', () => {
  test('comes back as it was', () => {
    fc.assert(
      fc.property(parameters, (wanted) => {
        expect(readDcep(dcepOpen(wanted))).toEqual({ type: 'open', parameters: wanted });
      }),
    );
  });

  test('is laid out as RFC 8832 says', () => {
    const signaling = { label: 'signaling', protocol: '', ordered: true };
    expect(dcepOpen(signaling).toString('hex')).toBe(
      `030000000000000000090000${Buffer.from('signaling').toString('hex')}`,
    );
    const game = { label: 'g', protocol: 'p', ordered: false, maxRetransmits: 3 };
    expect(dcepOpen(game).toString('hex')).toBe('0381000000000003000100016770');
    const fresh = { label: '', protocol: '', ordered: true, maxPacketLifeTimeMs: 500 };
    expect(dcepOpen(fresh).toString('hex')).toBe('03020000000001f400000000');
    expect([signaling, game, fresh].map(isReliable)).toEqual([true, false, false]);
  });

  test('that cannot be read is none', () => {
    const open = dcepOpen({ label: 'label', protocol: 'protocol', ordered: true });
    for (let length = 0; length < open.length; length += 1) {
      expect(readDcep(open.subarray(0, length))).toBeUndefined();
    }
    const withType = (type: number) => Buffer.concat([Buffer.from([3, type]), open.subarray(2)]);
    expect(readDcep(withType(0x03))).toBeUndefined();
    const invalid = Buffer.from(open);
    invalid[12] = 0xff;
    expect(readDcep(invalid)).toBeUndefined();
    const long = dcepOpen({ label: 'x'.repeat(257), protocol: '', ordered: true });
    expect(readDcep(long)).toBeUndefined();
  });
});

test('any other message is an acknowledgement or nothing', () => {
  expect(readDcep(DCEP_ACK)).toEqual({ type: 'ack' });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const read = readDcep(Buffer.from(bytes));
      expect(read === undefined || bytes[0] === (read.type === 'ack' ? 2 : 3)).toBe(true);
    }),
  );
});
