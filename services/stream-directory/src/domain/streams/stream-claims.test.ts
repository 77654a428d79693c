import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decideClaim,
  decideRelease,
  type Claim,
  type ClaimCircumstances,
} from './stream-claims.js';
import type { StreamRecord } from './stream-record.js';

const NAME = { room: 'kitchen', participant: 'ann', purpose: 'm.usermedia' };

const origin = (nodeId: string) => ({
  nodeId,
  bootId: `boot-of-${nodeId}`,
  routerId: `router-of-${nodeId}`,
  grpcAddress: `${nodeId}:1`,
});
const aRecord = (
  nodeId: string,
  epoch: number,
  over: Partial<StreamRecord> = {},
): StreamRecord => ({
  state: 'held',
  epoch,
  origin: origin(nodeId),
  sessionId: `session-on-${nodeId}`,
  ...over,
});
const aClaim = (nodeId: string, over: Partial<Claim> = {}): Claim => ({
  name: NAME,
  origin: origin(nodeId),
  sessionId: `session-on-${nodeId}`,
  highestEpoch: 0,
  ...over,
});
const decide = (claim: Claim, over: Partial<ClaimCircumstances> = {}) =>
  decideClaim(claim, {
    record: undefined,
    highestEpoch: 0,
    originGone: false,
    told: undefined,
    ...over,
  });
const granted = (nodeId: string, epoch: number) => ({
  type: 'write',
  record: aRecord(nodeId, epoch),
});
const refused = (code: string) => ({ type: 'refuse', error: { code } });

describe('a claim', () => {
  test('of a free name is granted with the first epoch', () => {
    expect(decide(aClaim('a'))).toEqual(granted('a', 1));
  });

  test('by the holder itself changes nothing', () => {
    const record = aRecord('a', 7);
    expect(decide(aClaim('a'), { record })).toEqual({ type: 'held already', epoch: 7 });
  });

  test('of a name that another session holds is refused with what is needed to ask it', () => {
    const decision = decide(aClaim('b'), { record: aRecord('a', 7) });
    expect(decision).toMatchObject({
      type: 'refuse',
      error: {
        code: 'ALREADY_EXISTS',
        details: {
          nodeId: 'a',
          bootId: 'boot-of-a',
          sessionId: 'session-on-a',
          epoch: 7,
          grpcAddress: 'a:1',
        },
      },
    });
    const sameNode = aClaim('a', { sessionId: 'another' });
    expect(decide(sameNode, { record: aRecord('a', 7) })).toMatchObject(refused('ALREADY_EXISTS'));
  });

  test('of a released name is granted with a later epoch', () => {
    const record = aRecord('a', 7, { state: 'released' });
    expect(decide(aClaim('b'), { record })).toEqual(granted('b', 8));
  });

  test('takes over from an origin that is gone', () => {
    expect(decide(aClaim('b'), { record: aRecord('a', 7), originGone: true })).toEqual(
      granted('b', 8),
    );
  });

  test('of a name whose record was lost is refused while a living node says it has it', () => {
    const told = aRecord('a', 7);
    expect(decide(aClaim('b'), { told })).toMatchObject(refused('ALREADY_EXISTS'));
    const lost = aRecord('a', 7, { state: 'lost' });
    expect(decide(aClaim('b'), { told, record: lost })).toMatchObject(refused('ALREADY_EXISTS'));
  });

  test('is not held up by a node’s word that is older than the release', () => {
    const record = aRecord('a', 7, { state: 'released' });
    expect(decide(aClaim('b'), { told: aRecord('a', 7), record })).toEqual(granted('b', 8));
  });

  test('is later than every epoch that anybody ever saw', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), (recorded, claimer, replica) => {
        const record = aRecord('a', recorded, { state: 'released' });
        const claim = aClaim('b', { highestEpoch: claimer });
        const decision = decide(claim, { record, highestEpoch: replica });
        expect(decision).toEqual(granted('b', 1 + Math.max(recorded, claimer, replica)));
      }),
    );
  });
});

describe('registering again', () => {
  test('keeps the epoch when the record is gone', () => {
    expect(decide(aClaim('a', { heldEpoch: 7 }), { highestEpoch: 20 })).toEqual(granted('a', 7));
  });

  test('is idempotent', () => {
    const record = aRecord('a', 7);
    const decision = decide(aClaim('a', { heldEpoch: 7 }), { record });
    expect(decision).toEqual({ type: 'held already', epoch: 7 });
  });

  test('wins over an older origin that was first', () => {
    expect(decide(aClaim('b', { heldEpoch: 8 }), { record: aRecord('a', 7) })).toEqual(
      granted('b', 8),
    );
  });

  test('is stale when a later origin has it, held or released', () => {
    for (const state of ['held', 'released', 'lost'] as const) {
      const record = aRecord('b', 8, { state });
      expect(decide(aClaim('a', { heldEpoch: 7 }), { record })).toMatchObject(
        refused('STALE_EPOCH'),
      );
    }
  });

  test('does not bring back what the holder itself released', () => {
    const record = aRecord('a', 7, { state: 'released' });
    expect(decide(aClaim('a', { heldEpoch: 7 }), { record })).toMatchObject(refused('STALE_EPOCH'));
  });

  test('takes back what only seemed lost', () => {
    const record = aRecord('a', 7, { state: 'lost' });
    expect(decide(aClaim('a', { heldEpoch: 7 }), { record })).toEqual(granted('a', 7));
  });
});

describe('a release', () => {
  const release = (nodeId: string, epoch: number, record: StreamRecord | undefined) =>
    decideRelease({ name: NAME, epoch, nodeId, bootId: `boot-of-${nodeId}` }, record);

  test('leaves a tombstone with its epoch', () => {
    expect(release('a', 7, aRecord('a', 7))).toEqual({
      type: 'write',
      record: aRecord('a', 7, { state: 'released' }),
    });
  });

  test('twice, or of nothing, is no error', () => {
    expect(release('a', 7, undefined)).toEqual({ type: 'released already' });
    expect(release('a', 7, aRecord('a', 7, { state: 'released' }))).toEqual({
      type: 'released already',
    });
  });

  test('with an old epoch is refused, by another node and by its own', () => {
    expect(release('a', 7, aRecord('b', 8))).toMatchObject(refused('STALE_EPOCH'));
    expect(release('a', 7, aRecord('a', 8))).toMatchObject(refused('STALE_EPOCH'));
  });

  test('of another boot’s record is refused', () => {
    const record = aRecord('a', 7, { origin: { ...origin('a'), bootId: 'later' } });
    expect(release('a', 7, record)).toMatchObject(refused('STALE_EPOCH'));
  });

  test('never ends an older record of another origin', () => {
    expect(release('b', 8, aRecord('a', 7))).toEqual({ type: 'released already' });
  });
});

test('through any claims, releases and deaths, of two that hold a name at most one is alive', () => {
  const nodes = ['a', 'b', 'c'];
  const aStep = fc.record({
    type: fc.constantFrom('claim', 'release', 'die', 'wipe'),
    node: fc.constantFrom(...nodes),
  });
  fc.assert(
    fc.property(fc.array(aStep, { maxLength: 60 }), (steps) => {
      let record: StreamRecord | undefined;
      let highest = 0;
      let boots = 0;
      const holding = new Map<string, StreamRecord>();
      const bootOf = new Map(nodes.map((node) => [node, `${node}0`]));
      for (const { type, node } of steps) {
        const bootId = bootOf.get(node)!;
        const from = { ...origin(node), bootId };
        if (type === 'claim') {
          const told = [...holding.values()].sort((x, y) => y.epoch - x.epoch)[0];
          const originGone = !!record && bootOf.get(record.origin.nodeId) !== record.origin.bootId;
          const claim = aClaim(node, { origin: from });
          const decision = decide(claim, { record, highestEpoch: highest, originGone, told });
          if (decision.type !== 'write') continue;
          // Only a node that holds it itself gets it again without a later epoch.
          if (!holding.has(node)) expect(decision.record.epoch).toBeGreaterThan(highest);
          record = decision.record;
          highest = Math.max(highest, record.epoch);
          holding.set(node, record);
        } else if (type === 'release') {
          const epoch = holding.get(node)?.epoch;
          holding.delete(node);
          if (epoch === undefined) continue;
          const decision = decideRelease({ name: NAME, epoch, nodeId: node, bootId }, record);
          if (decision.type === 'write') record = decision.record;
        } else if (type === 'die') {
          holding.delete(node);
          boots += 1;
          bootOf.set(node, `${node}${boots}`);
        } else {
          record = undefined;
        }
        expect(holding.size).toBeLessThanOrEqual(1);
      }
    }),
  );
});

describe('a claim that takes over from another session', () => {
  const takesOver = (from: string, over: Partial<Claim> = {}) =>
    aClaim('b', { replacesSessionId: `session-on-${from}`, ...over });

  test('is granted at once, with a later epoch', () => {
    const record = aRecord('a', 7);
    expect(decide(takesOver('a'), { record, told: record })).toEqual(granted('b', 8));
  });

  test('is granted as well when only the old origin itself still tells of it', () => {
    expect(decide(takesOver('a'), { told: aRecord('a', 7), highestEpoch: 7 })).toEqual(
      granted('b', 8),
    );
  });

  test('is refused when a third session holds the name', () => {
    expect(decide(takesOver('a'), { record: aRecord('c', 7) })).toMatchObject(
      refused('ALREADY_EXISTS'),
    );
    const told = aRecord('c', 8);
    expect(decide(takesOver('a'), { record: aRecord('a', 7), told })).toMatchObject(
      refused('ALREADY_EXISTS'),
    );
  });

  test('made again keeps its epoch, and leaves the old session no way back', () => {
    const record = aRecord('b', 8);
    expect(decide(takesOver('a'), { record })).toEqual({ type: 'held already', epoch: 8 });
    const told = aRecord('a', 7);
    expect(decide(aClaim('a'), { record, told })).toMatchObject(refused('ALREADY_EXISTS'));
    expect(decide(aClaim('a', { heldEpoch: 7 }), { record })).toMatchObject(refused('STALE_EPOCH'));
  });
});

test('an old origin’s word holds up nobody once a later origin is gone', () => {
  const record = aRecord('b', 8, { state: 'lost' });
  expect(decide(aClaim('c'), { record, told: aRecord('a', 7) })).toEqual(granted('c', 9));
});

test('who registers again does not get past a living node with a later epoch', () => {
  expect(decide(aClaim('a', { heldEpoch: 7 }), { told: aRecord('b', 8) })).toMatchObject(
    refused('STALE_EPOCH'),
  );
});

test('epochs grow with every change of origin, through any claims, handovers and releases', () => {
  const nodes = ['a', 'b', 'c'];
  const aStep = fc.record({
    type: fc.constantFrom('claim', 'take over', 'release', 'register again', 'wipe'),
    node: fc.constantFrom(...nodes),
    other: fc.constantFrom(...nodes),
  });
  fc.assert(
    fc.property(fc.array(aStep, { maxLength: 60, size: 'max' }), (steps) => {
      let record: StreamRecord | undefined;
      let highestEpoch = 0;
      const grants: { readonly node: string; readonly epoch: number }[] = [];
      /** What each node believes to hold: the newest of them is told by its heartbeats and facts. */
      const held = new Map<string, number>();
      const told = () => {
        const [newest] = [...held].sort(([, one], [, another]) => another - one);
        return newest && aRecord(...newest);
      };
      const claim = (request: Claim, node: string) => {
        const decision = decide(request, { record, highestEpoch, told: told() });
        if (decision.type === 'refuse') return held.delete(node);
        const { epoch } = decision.type === 'write' ? decision.record : decision;
        if (decision.type === 'write') record = decision.record;
        if (held.get(node) !== epoch) grants.push({ node, epoch });
        held.set(node, epoch);
        highestEpoch = Math.max(highestEpoch, epoch);
        return true;
      };
      for (const { type, node, other } of steps) {
        const epoch = held.get(node);
        if (type === 'wipe') record = undefined;
        else if (type === 'claim') claim(aClaim(node), node);
        else if (type === 'take over') {
          claim(aClaim(node, { replacesSessionId: `session-on-${other}` }), node);
        } else if (epoch !== undefined && type === 'register again') {
          claim(aClaim(node, { heldEpoch: epoch }), node);
        } else if (epoch !== undefined) {
          const release = { name: NAME, epoch, nodeId: node, bootId: `boot-of-${node}` };
          const decision = decideRelease(release, record);
          if (decision.type === 'write') record = decision.record;
          held.delete(node);
        }
      }
      const epochs = grants.map(({ epoch }) => epoch);
      expect(epochs).toEqual([...new Set(epochs)].sort((one, another) => one - another));
    }),
    { numRuns: 2_000 },
  );
});
