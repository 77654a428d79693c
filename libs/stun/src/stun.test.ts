import { describe, expect, test } from 'vitest';
import {
  isSignedWith,
  isStun,
  parseStun,
  writeBindingRequest,
  writeCheck,
  writeRoleConflict,
  writeSuccess,
  type Check,
} from './index.js';

const CHECK: Check = {
  transactionId: Buffer.alloc(12, 1),
  username: 'theirs:ours',
  password: 'secret',
  priority: 7,
  role: 'controlled',
  tieBreaker: 5n,
  nominates: false,
};

const bytes = (hex: string) => Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');

describe('the samples of RFC 5769', () => {
  const password = 'VOkJxbRl1RmTxUk/WvJxBt';
  const head = '2112a442 b7e7a701 bc34d686 fa87dfae';
  const software = '8022000b 74657374 20766563 746f7220';

  test('a request is read, and its signature holds', () => {
    const request = parseStun(
      bytes(`00010058 ${head} 80220010 5354554e 20746573 7420636c 69656e74
        00240004 6e0001ff 80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020
        00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf`),
    )!;
    expect(request).toMatchObject({
      type: 'request',
      transactionId: 'b7e7a701bc34d686fa87dfae',
      username: 'evtj:h6vY',
      priority: 0x6e0001ff,
      nominates: false,
      role: { is: 'controlled', tieBreaker: 0x932ff9b151263b36n },
    });
    expect(isSignedWith(request, password)).toBe(true);
    expect(isSignedWith(request, `${password}.`)).toBe(false);
  });

  test.each([
    {
      datagram: `0101003c ${head} ${software} 00200008 0001a147 e112a643
        00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96`,
      ip: '192.0.2.1',
    },
    {
      datagram: `01010048 ${head} ${software} 00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9
        00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41 80280004 c8fb0b4c`,
      ip: '2001:db8:1234:5678:11:2233:4455:6677',
    },
  ])('a response says that the request came from $ip', ({ datagram, ip }) => {
    const response = parseStun(bytes(datagram))!;
    expect(response).toMatchObject({ type: 'success', mappedAddress: { ip, port: 32_853 } });
    expect(isSignedWith(response, password)).toBe(true);
  });
});

describe('what is written', () => {
  test('can be read: a check', () => {
    const datagram = writeCheck(CHECK);
    expect(isStun(datagram)).toBe(true);
    expect(parseStun(datagram)).toMatchObject({
      type: 'request',
      transactionId: CHECK.transactionId.toString('hex'),
      username: 'theirs:ours',
      priority: 7,
      nominates: false,
      role: { is: 'controlled', tieBreaker: 5n },
    });
    const other = writeCheck({ ...CHECK, role: 'controlling', nominates: true });
    expect(parseStun(other)).toMatchObject({ nominates: true, role: { is: 'controlling' } });
  });

  test.each(['203.0.113.7', '2001:db8:0:0:0:0:0:1'])('can be read: an answer to %s', (ip) => {
    const request = parseStun(writeCheck(CHECK))!;
    const answer = parseStun(writeSuccess(request, { ip, port: 4_000 }, 'secret'))!;
    expect(answer).toMatchObject({ type: 'success', mappedAddress: { ip, port: 4_000 } });
    expect(answer.transactionId).toBe(request.transactionId);
    expect(isSignedWith(answer, 'secret')).toBe(true);
  });

  test('can be read: a shortened address, and one of a link', () => {
    const request = parseStun(writeCheck(CHECK))!;
    const mappedBy = (ip: string) =>
      parseStun(writeSuccess(request, { ip, port: 1 }, 'secret'))?.mappedAddress?.ip;
    expect(mappedBy('2001:db8::1')).toBe('2001:db8:0:0:0:0:0:1');
    expect(mappedBy('fe80::1%eth0')).toBe('fe80:0:0:0:0:0:0:1');
  });

  test('can be read: a conflict of roles, and a request without credentials', () => {
    const request = parseStun(writeCheck(CHECK))!;
    const conflict = parseStun(writeRoleConflict(request, 'secret'));
    expect(conflict).toMatchObject({ type: 'error', errorCode: 487 });
    const plain = parseStun(writeBindingRequest(Buffer.alloc(12, 9)))!;
    expect(plain).toMatchObject({ type: 'request', username: undefined });
    expect(isSignedWith(plain, '')).toBe(false);
  });
});

describe('what others send', () => {
  test('is passed over where it is cut off', () => {
    const whole = writeCheck(CHECK);
    for (let length = 0; length < whole.length; length += 1) {
      const cut = Buffer.from(whole.subarray(0, length));
      expect(parseStun(cut)).toBeUndefined();
      // The same with a length that fits what is left of it.
      if (length >= 20) cut.writeUInt16BE(length - 20, 2);
      const read = parseStun(cut);
      expect(read !== undefined && isSignedWith(read, 'someone else’s')).toBe(false);
    }
  });

  test('is believed only as far as it is signed', () => {
    const good = writeCheck(CHECK);
    const useCandidate = Buffer.from('00250000', 'hex');
    const longer = Buffer.concat([good, useCandidate]);
    longer.writeUInt16BE(longer.length - 20, 2);
    expect(parseStun(longer)).toMatchObject({ nominates: false });
    const changed = Buffer.from(good);
    changed.writeUInt8(changed.readUInt8(24) ^ 1, 24);
    expect(isSignedWith(parseStun(changed)!, 'secret')).toBe(false);
  });

  test('is no STUN where it is too long, of another method, or of DTLS', () => {
    const huge = Buffer.alloc(1_300);
    writeBindingRequest(Buffer.alloc(12)).copy(huge);
    huge.writeUInt16BE(huge.length - 20, 2);
    expect(parseStun(huge)).toBeUndefined();
    const allocate = writeBindingRequest(Buffer.alloc(12));
    allocate.writeUInt16BE(0x0003, 0);
    expect(parseStun(allocate)).toBeUndefined();
    expect(isStun(Buffer.from([22, 254, 253]))).toBe(false);
    expect(isStun(Buffer.alloc(0))).toBe(false);
  });
});
