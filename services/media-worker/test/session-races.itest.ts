import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SluiceError, type StreamName } from '@sluice/core';
import { eventually } from '@sluice/testing';
import { SdpError } from '@sluice/sdp';
import type { Session } from '../src/domain/sessions/session.js';
import type { Workers } from '../src/mediasoup/workers.js';
import { localNode, openOneCore } from './local-node.fixture.js';
import { answerTo, offerOf } from './offer.fixture.js';

let workers: Workers;
let complaints: string[];

beforeAll(async () => {
  ({ workers, complaints } = await openOneCore());
});

afterAll(() => {
  workers.close();
});

async function nothingLeft(): Promise<void> {
  await eventually(async () => {
    const dump = await workers.list[0]!.router.dump();
    const left =
      dump.transportIds.length + dump.mapProducerIdConsumerIds.length + dump.rtpObserverIds.length;
    return left === 0 ? undefined : `${String(left)} things left`;
  });
}

/** What a client may be told; everything else is a mistake of ours. */
function isExpected(error: unknown): boolean {
  if (error instanceof SdpError) return true;
  return error instanceof SluiceError && error.code !== 'INTERNAL';
}

const PEOPLE = ['anna', 'ben', 'cora'] as const;
const streamOf = (participant: string): StreamName => ({
  room: 'room',
  participant,
  purpose: 'cam',
});

const person = fc.constantFrom(...PEOPLE);
const command = fc.oneof(
  fc.record({
    type: fc.constant('publish' as const),
    who: person,
    kinds: fc.constantFrom(['audio'] as const, ['video'] as const, ['audio', 'video'] as const),
    peer: fc.constantFrom('1', '2'),
  }),
  fc.record({ type: fc.constant('unpublish' as const), who: person }),
  fc.record({
    type: fc.constant('subscribe' as const),
    who: person,
    whom: person,
    connection: fc.constantFrom('', 'main'),
  }),
  fc.record({ type: fc.constant('unsubscribe' as const), who: person, whom: person }),
  fc.record({
    type: fc.constant('setLayers' as const),
    who: person,
    whom: person,
    paused: fc.boolean(),
  }),
  fc.record({ type: fc.constant('restart' as const), who: person, whom: person }),
  fc.record({ type: fc.constant('answer' as const), who: person, rejects: fc.boolean() }),
  fc.record({ type: fc.constant('close' as const), who: person }),
  fc.record({ type: fc.constant('settle' as const) }),
);

test('whatever sessions do at once, only expected errors come of it and nothing is left', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 60 }), async (commands) => {
      const local = localNode(workers);
      const sessionOf = (who: string): Session => local.open(who).session;
      let running: Promise<unknown>[] = [];
      const run = (task: Promise<unknown>) => {
        running.push(
          task.catch((error: unknown) => {
            if (!isExpected(error)) throw error;
          }),
        );
      };
      for (const step of commands) {
        switch (step.type) {
          case 'publish':
            run(sessionOf(step.who).publish('cam', offerOf(step.kinds, step.peer)));
            break;
          case 'unpublish':
            run(sessionOf(step.who).unpublish('cam'));
            break;
          case 'subscribe':
            run(sessionOf(step.who).subscribe(streamOf(step.whom), step.connection));
            break;
          case 'unsubscribe':
            run(sessionOf(step.who).unsubscribe(streamOf(step.whom)));
            break;
          case 'setLayers':
            run(sessionOf(step.who).setLayers(streamOf(step.whom), { paused: step.paused }));
            break;
          case 'restart':
            run(sessionOf(step.who).restartSubscribing(streamOf(step.whom)));
            break;
          case 'answer':
            for (const { pending } of sessionOf(step.who).subscriptions.connections) {
              if (!pending?.cause) continue;
              const answer = answerTo(pending.sdp, step.rejects ? ['video'] : []);
              run(sessionOf(step.who).answer(pending.cause.name, answer));
            }
            break;
          case 'close':
            sessionOf(step.who).close();
            break;
          case 'settle':
            await Promise.all(running);
            running = [];
        }
      }
      await Promise.all(running);
      local.node.close('over');
      await local.claims.allReleased();
      expect(local.troubles).toEqual([]);
      await nothingLeft();
      // A consumer that its producer has taken along is not closed again.
      expect(complaints.filter((one) => one.includes('closeConsumer'))).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

/** Lines dropped, doubled, swapped, or with something else in them. */
const mutation = fc.record({
  line: fc.nat(40),
  kind: fc.constantFrom('drop' as const, 'double' as const, 'swap' as const, 'text' as const),
  text: fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.constantFrom('a=fingerprint:', 'a=ssrc:4294967296 cname:x', 'a=rid:x send', 'm=audio 0 X 0'),
  ),
});

test('a damaged offer is refused or taken, and the worker survives it', async () => {
  const pids = [...workers.pids().values()];
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
      const local = localNode(workers);
      const lines = offerOf(['audio', 'video', 'video']).split('\r\n');
      for (const { line, kind, text } of mutations) {
        const index = line % lines.length;
        const original = lines[index] ?? '';
        if (kind === 'drop') lines.splice(index, 1);
        else if (kind === 'double') lines.splice(index, 0, original);
        else if (kind === 'text') lines[index] = text;
        else lines.splice(index, 1, lines[0] ?? '', original);
      }
      const { session } = local.open('anna');
      try {
        await session.publish('cam', lines.join('\r\n'));
      } catch (error) {
        if (!isExpected(error)) throw error;
        expect(session.publications.list).toEqual([]);
        expect(local.claims.find(streamOf('anna'))).toBeUndefined();
      }
      local.node.close('over');
      await nothingLeft();
    }),
    { numRuns: 400 },
  );
  expect([...workers.pids().values()]).toEqual(pids);
});
