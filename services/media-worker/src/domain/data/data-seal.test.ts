import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PPID } from './dcep.js';
import { SEAL_BYTES, Sealer, Unsealer } from './data-seal.js';

const text = (payload: string) => ({ ppid: PPID.text, payload: Buffer.from(payload) });

describe('a sealed message', () => {
  test('comes out as it went in, empty or large', () => {
    const sealer = new Sealer();
    const unsealer = new Unsealer(sealer.key);
    let count = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(51, 53, 56, 57),
        fc.uint8Array({ size: 'large' }),
        (ppid, bytes) => {
          const message = { ppid, payload: Buffer.from(bytes) };
          const sealed = sealer.seal(message);
          expect(sealed).toHaveLength(bytes.length + SEAL_BYTES);
          count += 1;
          expect(unsealer.open(sealed)).toEqual({ message, count });
        },
      ),
    );
  });

  test('that was changed, or is of another key, is none', () => {
    const sealer = new Sealer();
    const sealed = sealer.seal(text('hello'));
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      expect(new Unsealer(sealer.key).open(changed)).toBeUndefined();
    }
    expect(new Unsealer(new Sealer().key).open(sealed)).toBeUndefined();
    expect(new Unsealer(sealer.key).open(sealed.subarray(0, SEAL_BYTES - 1))).toBeUndefined();
  });

  test('is opened once, in whatever order it comes', () => {
    const order = fc.array(fc.nat({ max: 49 }), { maxLength: 200 });
    fc.assert(
      fc.property(order, (indexes) => {
        const sealer = new Sealer();
        const all = Array.from({ length: 50 }, (_, index) => sealer.seal(text(String(index))));
        const unsealer = new Unsealer(sealer.key);
        const opened = indexes.flatMap((index) => {
          const unsealed = unsealer.open(all[index] ?? Buffer.alloc(0));
          return unsealed ? [Number(unsealed.message.payload.toString())] : [];
        });
        expect(opened).toEqual([...new Set(indexes)]);
      }),
    );
  });

  test('too old to know whether it was seen is none', () => {
    const sealer = new Sealer();
    const first = sealer.seal(text('first'));
    let last = first;
    for (let count = 0; count < 5_000; count += 1) last = sealer.seal(text('later'));
    const unsealer = new Unsealer(sealer.key);
    expect(unsealer.open(last)).toBeDefined();
    expect(unsealer.open(first)).toBeUndefined();
  });
});
