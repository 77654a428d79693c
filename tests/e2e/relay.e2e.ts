import { eventually } from '@sluice/testing';
import { afterEach, expect, test } from 'vitest';
import { hearAudio, seeVideo } from '../browser/playback.js';
import { Scene } from '../scene.js';

const CAMERA = { width: 320, height: 240 };
const PUBLISHER = { publisher: 'publisher' };

const scene = Scene.ofThisFile('relay');
afterEach(() => scene.everybodyLeaves());

const otherThan = (node: string) => (node === 'node-1' ? 'node-2' : 'node-1');

test('two on different nodes see and hear each other over one relay each way', async () => {
  const room = 'each-other';
  const alice = await scene.enter(room, 'alice');
  const bob = await scene.enter(room, 'bob');
  expect(bob.node).not.toBe(alice.node);
  await alice.participant.publish({ room, video: CAMERA, audio: true });
  await bob.participant.publish({ room, video: CAMERA, audio: true });

  await alice.participant.until('new-publisher', { publisherId: 'bob' });
  await alice.participant.subscribe({ room, publisher: 'bob' });
  await bob.participant.until('new-publisher', { publisherId: 'alice' });
  await bob.participant.subscribe({ room, publisher: 'alice' });

  await Promise.all([
    seeVideo(alice.participant, { publisher: 'bob' }, CAMERA.width),
    seeVideo(bob.participant, { publisher: 'alice' }, CAMERA.width),
    hearAudio(alice.participant, { publisher: 'bob' }),
    hearAudio(bob.participant, { publisher: 'alice' }),
  ]);
  const relays = (await scene.relays(room)).map(({ stream, fromNode, toNode }) =>
    [stream, fromNode, toNode].join(' '),
  );
  expect([...relays].sort()).toEqual([
    `${room}/alice/m.usermedia ${alice.node} ${bob.node}`,
    `${room}/bob/m.usermedia ${bob.node} ${alice.node}`,
  ]);
});

test('a viewer on the publisher’s own node needs no relay', async () => {
  const room = 'same-node';
  const publisher = await scene.enter(room, 'publisher');
  await publisher.participant.publish({ room, video: CAMERA });
  const viewer = await scene.enter(room, 'viewer', publisher.node);
  await viewer.participant.subscribe({ room, ...PUBLISHER });

  await seeVideo(viewer.participant, PUBLISHER, CAMERA.width);
  expect(await scene.relays(room)).toEqual([]);
});

test('one relay carries a stream however many watch it, from the first to the last', async () => {
  const room = 'crowd';
  const publisher = await scene.enter(room, 'publisher');
  await publisher.participant.publish({ room, video: CAMERA, audio: true });
  const viewers = [];
  for (let index = 0; index < 5; index += 1) {
    const far = await scene.enter(room, `viewer-${index}`, otherThan(publisher.node));
    viewers.push(far.participant);
  }
  expect(await scene.relays(room)).toEqual([]);

  await Promise.all(viewers.map((viewer) => viewer.subscribe({ room, ...PUBLISHER })));
  await Promise.all(viewers.map((viewer) => seeVideo(viewer, PUBLISHER, CAMERA.width)));
  expect(await scene.relays(room)).toHaveLength(1);

  const [last, ...others] = viewers;
  for (const viewer of others) await viewer.unsubscribe({ room, ...PUBLISHER });
  await seeVideo(last!, PUBLISHER);
  expect(await scene.relays(room)).toHaveLength(1);

  await last!.unsubscribe({ room, ...PUBLISHER });
  await eventually(async () =>
    (await scene.relays(room)).length === 0 ? undefined : 'the relay is still there',
  );

  await last!.subscribe({ room, ...PUBLISHER });
  await seeVideo(last!, PUBLISHER, CAMERA.width);
  expect(await scene.relays(room)).toHaveLength(1);
});

test('a relay ends with the stream it carries, and its viewers are told', async () => {
  const room = 'unpublished';
  const publisher = await scene.enter(room, 'publisher');
  await publisher.participant.publish({ room, video: CAMERA });
  const viewer = await scene.enter(room, 'viewer', otherThan(publisher.node));
  await viewer.participant.subscribe({ room, ...PUBLISHER });
  await seeVideo(viewer.participant, PUBLISHER);

  await publisher.participant.unpublish(room);

  await viewer.participant.until('publisher-left', { publisherId: 'publisher' });
  await eventually(async () => {
    const left = [...(await scene.relays(room)), ...(await scene.streams(room))];
    return left.length === 0 ? undefined : `left: ${JSON.stringify(left)}`;
  });
});

test('several subscriptions share one PeerConnection when they ask for it', async () => {
  const room = 'shared';
  const connection = 'main';
  const purpose = 'm.screenshare';
  const { participant: publisher, node } = await scene.enter(room, 'publisher');
  await publisher.publish({ room, video: CAMERA, audio: true });
  await publisher.publish({ room, purpose, screen: { width: 400, height: 300 } });
  const { participant: viewer } = await scene.enter(room, 'viewer', otherThan(node));

  await viewer.subscribe({ room, ...PUBLISHER, connection });
  await viewer.subscribe({ room, ...PUBLISHER, purpose, connection });

  await eventually(async () => {
    const received = await viewer.received({ ...PUBLISHER, connection });
    const playing = received.filter(({ framesDecoded }) => framesDecoded > 10);
    const widths = playing.map(({ frameWidth }) => frameWidth).sort((one, two) => one - two);
    return widths.join() === '320,400' ? undefined : `decoded widths: ${widths.join()}`;
  }, 30_000);
});
