import { expect, test } from 'vitest';
import { grantsOf, ingestUrls, type Grants, type Identity } from '@sluice/tokens';
import { Ingests } from './ingests.js';
import type { IngestDefinition, IngestView } from './ports.js';

const URLS = ingestUrls('a cluster secret of thirty-two characters');
const WISH = { id: 'door', url: 'rtsp://ada:s3cret@camera.example/x', room: 'blue' };

function identity(room: string, ...grants: (keyof Grants)[]): Identity {
  return { subject: 'ann', name: 'Ann', room, grants: grantsOf(grants), expiresAtS: 0 };
}

function anIngests() {
  const created: { definition: IngestDefinition; sealedUrl: string }[] = [];
  const deleted: string[] = [];
  const views = (): IngestView[] =>
    created.map(({ definition }) => ({
      ...definition,
      configured: false,
      nodeId: 'a',
      state: 'running',
      reason: '',
      bitrateBps: 1,
    }));
  const directory = {
    ingests: () => Promise.resolve(views()),
    createIngest: (definition: IngestDefinition, sealedUrl: string) => {
      created.push({ definition, sealedUrl });
      return Promise.resolve();
    },
    deleteIngest: (ingestId: string) => {
      deleted.push(ingestId);
      return Promise.resolve();
    },
  };
  return { created, deleted, ingests: new Ingests(directory, URLS) };
}

test('a URL is sealed before it leaves, and of it only the address is said', async () => {
  const { created, ingests } = anIngests();
  await ingests.create(identity('blue', 'ingest'), WISH);
  const [{ definition, sealedUrl }] = created as [(typeof created)[0]];
  expect(definition).toMatchObject({ participant: 'door', address: 'rtsp://camera.example:554' });
  expect(JSON.stringify(created)).not.toContain('s3cret');
  expect(URLS.open(sealedUrl)).toBe(WISH.url);
});

test('it takes the grant and the room', async () => {
  const { created, deleted, ingests } = anIngests();
  const denied = { code: 'PERMISSION_DENIED' };
  await expect(ingests.create(identity('blue', 'publish'), WISH)).rejects.toMatchObject(denied);
  await expect(ingests.create(identity('red', 'ingest'), WISH)).rejects.toMatchObject(denied);
  expect(created).toEqual([]);
  await ingests.create(identity('*', 'ingest'), WISH);
  expect(await ingests.list(identity('red', 'ingest'))).toEqual([]);
  expect(await ingests.list(identity('red', 'admin'))).toHaveLength(1);
  await expect(ingests.delete(identity('red', 'ingest'), 'door')).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  await ingests.delete(identity('blue', 'ingest'), 'door');
  expect(deleted).toEqual(['door']);
});

test('a URL that cannot be pulled is refused without being quoted', async () => {
  const { ingests } = anIngests();
  const url = 'http://ada:s3cret@camera.example/';
  const refused = ingests.create(identity('*', 'ingest'), { ...WISH, url });
  await expect(refused).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.not.stringContaining('s3cret') as string,
  });
});
