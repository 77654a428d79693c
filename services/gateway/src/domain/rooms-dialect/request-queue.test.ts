import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ALONE, RequestQueue, type Lane } from './request-queue.js';

/** A queue whose requests run until the test ends them, and what they did. */
function observedQueue() {
  const queue = new RequestQueue();
  const begun: string[] = [];
  const running = new Map<string, () => void>();
  const push = (name: string, lane: Lane, sizeBytes = 10) =>
    queue.push({
      sizeBytes,
      lane: () => lane,
      run: () => {
        begun.push(name);
        return new Promise((resolve) => {
          running.set(name, resolve);
        });
      },
    });
  const end = async (name: string) => {
    running.get(name)?.();
    running.delete(name);
    await settled();
  };
  return { push, end, begun, running };
}

/** Everything that can happen without anything from outside has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

describe('the requests of a connection', () => {
  test('those of one lane follow each other, other lanes overtake', async () => {
    const { push, end, begun } = observedQueue();
    push('a1', 'a');
    push('a2', 'a');
    push('b1', 'b');
    await settled();
    expect(begun).toEqual(['a1', 'b1']);
    await end('a1');
    expect(begun).toEqual(['a1', 'b1', 'a2']);
  });

  test('one that runs alone waits for all before it, and all after it wait for it', async () => {
    const { push, end, begun } = observedQueue();
    push('a1', 'a');
    push('b1', 'b');
    push('alone', ALONE);
    push('c1', 'c');
    await settled();
    await end('a1');
    expect(begun).toEqual(['a1', 'b1']);
    await end('b1');
    expect(begun).toEqual(['a1', 'b1', 'alone']);
    await end('alone');
    expect(begun).toEqual(['a1', 'b1', 'alone', 'c1']);
  });

  test('what waits is bounded in number and in bytes, and what runs does not wait', async () => {
    const { push, end } = observedQueue();
    push('running', ALONE, 900_000);
    await settled();
    expect(push('large', 'a', 1_000_000)).toBe(true);
    expect(push('one too many', 'a', 100_000)).toBe(false);
    for (let index = 0; index < 255; index += 1)
      expect(push(`n${String(index)}`, 'a', 10)).toBe(true);
    expect(push('one too many', 'a', 10)).toBe(false);
    await end('running');
    expect(push('again', 'a', 10)).toBe(true);
  });

  test('whatever comes, each runs once, in order within its lane, and alone if it must', async () => {
    const lanes = fc.constantFrom('a', 'b', 'c', ALONE);
    await fc.assert(
      fc.asyncProperty(
        fc.array(lanes, { maxLength: 30 }),
        fc.infiniteStream(fc.nat()),
        async (plan, choices) => {
          const { push, end, begun, running } = observedQueue();
          const names = plan.map((lane, index) => `${lane} ${String(index)}`);
          names.forEach((name, index) => push(name, plan[index] ?? ALONE));
          await settled();
          while (running.size > 0) {
            const open = [...running.keys()];
            if (open.some((name) => name.startsWith(ALONE))) expect(open).toHaveLength(1);
            const choice = Number(choices.next().value);
            await end(open[choice % open.length] ?? '');
          }
          expect([...begun].sort()).toEqual([...names].sort());
          for (const lane of ['a', 'b', 'c', ALONE]) {
            const ofLane = (name: string) => name.startsWith(`${lane} `);
            expect(begun.filter(ofLane)).toEqual(names.filter(ofLane));
          }
        },
      ),
    );
  });
});
