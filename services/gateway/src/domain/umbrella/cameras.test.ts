import { beforeEach, expect, test } from 'vitest';
import { SluiceError, ingestAddress } from '@sluice/core';
import { grantsOf } from '@sluice/tokens';
import type { IngestWish } from '../ingests.js';
import type { IngestView } from '../ports.js';
import { Cameras } from './cameras.js';

const operator = {
  subject: 'operator',
  name: 'operator',
  room: '*',
  grants: grantsOf(['admin']),
  expiresAtS: 0,
};
const DOOR = 'rtsp://user:secret@10.0.0.5/door';
const YARD = 'rtsp://user:secret@10.0.0.5/yard';

let running: Map<string, IngestView>;
let urls: string[];
let fails: boolean;
let cameras: Cameras;

function view(id: string, room: string, url: string, configured = false): IngestView {
  return {
    ingestId: id,
    room,
    participant: id,
    purpose: 'm.usermedia',
    username: id,
    address: ingestAddress(url) ?? '',
    onDemand: false,
    region: '',
    configured,
    nodeId: '',
    state: 'connecting',
    reason: '',
    bitrateBps: 0,
  };
}

beforeEach(() => {
  running = new Map([
    ['by-api', view('by-api', 'umbrella', DOOR)],
    ['umbrella-configured', view('umbrella-configured', 'umbrella', DOOR, true)],
  ]);
  urls = [];
  fails = false;
  cameras = new Cameras({
    directory: { ingests: () => Promise.resolve([...running.values()]) },
    ingests: {
      create: (_identity, { id, url, room }: IngestWish) => {
        if (fails) return Promise.reject(new SluiceError('UNAVAILABLE', 'away'));
        running.set(id, view(id, room, url));
        urls.push(url);
        return Promise.resolve();
      },
      delete: (_identity, id) => {
        running.delete(id);
        return Promise.resolve();
      },
    },
    nameOf: (url) => String(url.length) + String(url.at(-1)),
    room: 'umbrella',
  });
});

const shown = async () => (await cameras.list()).map(({ server }) => server);

test('cameras of the list are ingests, and nothing of their URLs but the address is shown', async () => {
  await cameras.replace(operator, [DOOR, YARD]);
  expect(urls).toEqual([DOOR, YARD]);
  const servers = await shown();
  expect(servers).toHaveLength(2);
  expect(new Set(servers).size).toBe(2);
  expect(servers.join()).not.toMatch(/secret|user|door|yard/);
  expect(servers[0]).toMatch(/^rtsp:\/\/10\.0\.0\.5:554\/#umbrella-/);
});

test('the list as it was read, sent back, changes nothing; a camera left out goes', async () => {
  await cameras.replace(operator, [DOOR, YARD]);
  const [door = '', yard = ''] = await shown();
  await cameras.replace(operator, [door, yard]);
  await cameras.replace(operator, [DOOR, yard]);
  expect(urls).toEqual([DOOR, YARD]);
  await cameras.replace(operator, [yard]);
  expect(await shown()).toEqual([yard]);
  await cameras.replace(operator, []);
  // Those of others stay.
  expect([...running.keys()]).toEqual(['by-api', 'umbrella-configured']);
});

test('what is shown of a camera that is gone says too little to begin it again', async () => {
  await cameras.replace(operator, [DOOR]);
  const [door = ''] = await shown();
  await cameras.replace(operator, []);
  await expect(cameras.replace(operator, [door])).rejects.toThrow('send its whole URL');
});

test('nothing goes while what is new cannot be had', async () => {
  await cameras.replace(operator, [DOOR]);
  fails = true;
  await expect(cameras.replace(operator, [YARD])).rejects.toThrow('away');
  expect(await shown()).toHaveLength(1);
});
