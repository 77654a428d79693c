import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { seeVideo } from '../browser/playback.js';
import { RawClient } from '../raw-client.js';
import { Scene } from '../scene.js';

const SECRET = 'the secret of the other backend, of thirty-two characters';
const gateway = {
  SLUICE_TOKEN_SECRET: SECRET,
  SLUICE_TOKEN_DEFAULT_GRANTS: 'publish,subscribe',
};
const scene = Scene.ofThisFile('foreign-tokens', { overrides: { gateway } });

/** As the backend of Rheomesh signs them: who it is, and nothing that it may do. */
function foreignToken(subject: string, claims: object = {}): Promise<string> {
  return new SignJWT({ name: `Name of ${subject}`, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode(SECRET));
}

test('tokens with a subject and a name have the grants of the configuration, and no others', async () => {
  const room = 'foreign';
  const { browsers, cluster } = scene;
  const ann = await browsers.participant(cluster.ws, await foreignToken('1'));
  await ann.join(room);
  await ann.publish({ room, video: { width: 320, height: 240 } });
  const bob = await browsers.participant(cluster.ws, await foreignToken('2'));
  await bob.join(room);
  await bob.subscribe({ room, publisher: '1' });
  await seeVideo(bob, { publisher: '1' });
  expect((await scene.streams(room)).map(({ participant }) => participant)).toEqual(['1']);

  const listener = await RawClient.enter(
    cluster.ws,
    await foreignToken('3', { subscribe: true }),
    room,
  );
  listener.send({ type: 'publish-offer', roomName: room, offer: 'v=0' });
  expect((await listener.until('error')).code).toBe('PERMISSION_DENIED');
  const response = await fetch(`${cluster.api}/tokens`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${await foreignToken('1')}` },
  });
  expect(response.status).toBe(403);
}, 60_000);
