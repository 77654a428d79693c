import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BELIEVED_MS, CertificateRotation, SPREAD_MS } from './certificate-rotation.js';
import type { Certificates } from './certificates.js';

const FAR_MS = 1e12;

/** Stands for a certificate: the rotation does not look into it. */
function issued(authority: string, number: number): Certificates {
  const name = `${authority}#${String(number)}`;
  return {
    ca: Buffer.from(authority),
    certificate: Buffer.from(name),
    key: Buffer.from(`key of ${name}`),
  };
}

const shownBy = (rotation: CertificateRotation, nowMs: number) =>
  rotation.at(nowMs).certificate.toString();
const believedBy = (rotation: CertificateRotation, nowMs: number) =>
  rotation.at(nowMs).ca.toString().trim().split('\n');

describe('a new certificate', () => {
  test('of the same authority is shown at once', () => {
    const rotation = new CertificateRotation(issued('A', 1));
    rotation.take(issued('A', 2), 1_000, FAR_MS);
    expect(shownBy(rotation, 1_000)).toBe('A#2');
    expect(believedBy(rotation, 1_000)).toEqual(['A']);
  });

  test('of a new authority is shown when others have had time to read that', () => {
    const rotation = new CertificateRotation(issued('A', 1));
    rotation.take(issued('B', 1), 1_000, FAR_MS);
    expect(shownBy(rotation, 1_000 + SPREAD_MS - 1)).toBe('A#1');
    expect(believedBy(rotation, 1_000)).toEqual(['B', 'A']);
    expect(shownBy(rotation, 1_000 + SPREAD_MS)).toBe('B#1');
    expect(believedBy(rotation, 1_000 + BELIEVED_MS)).toEqual(['B']);
  });

  test('does not wait for longer than the old one holds', () => {
    const rotation = new CertificateRotation(issued('A', 1));
    rotation.take(issued('B', 1), 1_000, 5_000);
    expect(shownBy(rotation, 4_999)).toBe('A#1');
    expect(shownBy(rotation, 5_000)).toBe('B#1');
    const late = new CertificateRotation(issued('A', 1));
    late.take(issued('B', 1), 1_000, -FAR_MS);
    expect(shownBy(late, 1_000)).toBe('B#1');
  });

  test('that waits is replaced by a newer one without waiting anew', () => {
    const rotation = new CertificateRotation(issued('A', 1));
    rotation.take(issued('B', 1), 0, FAR_MS);
    rotation.take(issued('B', 2), SPREAD_MS - 1, FAR_MS);
    expect(shownBy(rotation, SPREAD_MS - 1)).toBe('A#1');
    expect(shownBy(rotation, SPREAD_MS)).toBe('B#2');
  });
});

test('two processes believe each other at every moment, whenever each reads a change', () => {
  const step = fc.record({
    newAuthority: fc.boolean(),
    readAtMs: fc.tuple(fc.nat(SPREAD_MS), fc.nat(SPREAD_MS)),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 4 }), (steps) => {
      // Changes come as far apart as authorities change: not before the last one has settled.
      const apartMs = 2 * BELIEVED_MS;
      const pair = [0, 1].map(() => new CertificateRotation(issued('A0', 0)));
      const moments = new Set<number>();
      let authority = 0;
      const changes = steps.map(({ newAuthority, readAtMs }, index) => {
        if (newAuthority) authority += 1;
        return { next: issued(`A${String(authority)}`, index + 1), readAtMs };
      });
      const due = changes.flatMap(({ next, readAtMs }, index) =>
        readAtMs.map((afterMs, process) => ({ process, next, atMs: index * apartMs + afterMs })),
      );
      for (const { atMs } of due) {
        for (const after of [0, 1, SPREAD_MS - 1, SPREAD_MS, BELIEVED_MS - 1, BELIEVED_MS]) {
          moments.add(atMs + after);
        }
      }
      for (const nowMs of [...moments].sort((a, b) => a - b)) {
        for (const { process, next } of due.filter(({ atMs }) => atMs === nowMs)) {
          pair[process]?.take(next, nowMs, FAR_MS);
        }
        const [one, other] = pair as [CertificateRotation, CertificateRotation];
        for (const [shows, believes] of [
          [one, other],
          [other, one],
        ] as const) {
          const signer = shownBy(shows, nowMs).split('#')[0];
          expect(believedBy(believes, nowMs)).toContain(signer);
        }
      }
    }),
  );
});
