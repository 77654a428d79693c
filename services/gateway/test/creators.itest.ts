import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFakeCluster, tokens, type FakeCluster } from './fake-cluster-run.fixture.js';

let cluster: FakeCluster;

beforeAll(async () => {
  cluster = await startFakeCluster({ SLUICE_ROOMS_NEED_CREATOR: 'true' });
});

afterAll(() => cluster.stop());

test('only some open a room; everybody may enter once somebody is there', async () => {
  const guest = await cluster.enter('guest');
  const join = { type: 'join-room', roomName: 'red' };
  guest.send(join);
  expect(await guest.next('error')).toMatchObject({
    code: 'PERMISSION_DENIED',
    message: 'your token does not let you open rooms',
  });
  const encoder = await tokens.issue({ subject: 'encoder' });
  const headers = { Authorization: `Bearer ${encoder}`, 'Content-Type': 'application/sdp' };
  const offer = { method: 'POST', headers, body: 'v=0' };
  const refused = await fetch(`${cluster.gateway.http}/whip/red/encoder`, offer);
  expect(refused.status).toBe(403);

  const opener = await cluster.enter('opener', { create: true });
  opener.send(join);
  await opener.next('room-joined');
  guest.send(join);
  await guest.next('room-joined');
  expect((await fetch(`${cluster.gateway.http}/whip/red/encoder`, offer)).status).toBe(201);
  await Promise.all([guest.leave(), opener.leave()]);
});

test('the node of a client without a gateway is told so', async () => {
  const token = await tokens.issue({ subject: 'anna' });
  const headers = { Authorization: `Bearer ${token}` };
  const url = `${cluster.gateway.http}/createSession`;
  expect((await fetch(url, { method: 'POST', headers, body: 'v=0' })).status).toBe(200);
  expect([...cluster.a.calls, ...cluster.b.calls]).toContainEqual(
    expect.stringMatching(/^openDataChannelClient anna in .*, valid, bound: v=0$/),
  );
});
