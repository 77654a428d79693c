import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, freePort } from '@sluice/testing';
import {
  startFakeCluster,
  tokens,
  type FakeCluster,
} from '../../services/gateway/test/fake-cluster-run.fixture.js';
import { sluice } from './sluice-process.fixture.js';

let cluster: FakeCluster;
let folder: string;
let environment: Record<string, string>;

beforeAll(async () => {
  cluster = await startFakeCluster();
  folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
  environment = {
    SLUICE_API: `${cluster.gateway.http}/api/v1`,
    SLUICE_TOKEN: await tokens.issue({ subject: 'root', admin: true }),
  };
  const ann = await cluster.enter('ann');
  ann.send({ type: 'publish-offer', roomName: 'demo', offer: 'o' });
  await ann.next('publish-answer');
});

afterAll(async () => {
  await cluster.stop();
  rmSync(folder, { recursive: true });
});

const NAMES = 'token nodes streams relays ingests add-ingest remove-ingest drain undrain'.split(
  ' ',
);

const run = (...words: string[]) => sluice(words, environment);

describe('what a newcomer types', () => {
  test('nothing at all shows what there is, and that it was wrong', async () => {
    const { code, out, err } = await sluice([]);
    expect(code).toBe(2);
    expect(out).toBe('');
    for (const name of NAMES) {
      expect(err).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    }
  });

  test('--help works everywhere, without a cluster', async () => {
    const overview = await sluice(['--help']);
    expect(overview).toMatchObject({ code: 0, err: '' });
    for (const name of NAMES) {
      const help = await sluice([name, '--help']);
      expect(help).toMatchObject({ code: 0, err: '' });
      expect(help.out).toContain(`Usage: sluice ${name}`);
      expect(help.out).toContain('Examples:');
      expect((await sluice(['help', name])).out).toBe(help.out);
    }
  });

  test.each([
    [['nods'], "there is no command 'nods'"],
    [['nodes', '--jsn'], "Unknown option '--jsn'"],
    [['nodes', 'node-1'], "'node-1' is too much"],
    [['drain'], 'which node?'],
    [['add-ingest', 'door', '--url', 'rtsp://192.0.2.7/'], 'Give --room NAME'],
    [['add-ingest', 'door', '--room', 'lobby'], 'Give --url-file FILE'],
    [['token'], 'Give --subject NAME'],
    [['token', '--subject', 'ada', '--ttl', 'long'], '--ttl takes a time such as'],
    [['nodes', '--api', 'localhost:8080'], 'is no http or https URL'],
    [['nodes', '--token', 'two words'], 'that is not a token'],
  ])('%j is a wrong command line, and it says why', async (words, reason) => {
    const { code, out, err } = await run(...words);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toContain(reason);
    expect(err).not.toContain('    at ');
  });
});

describe('reading', () => {
  test('nodes are a table, sorted by name', async () => {
    cluster.directory.drainRemainingMs.set('node-b', 41_000);
    const { code, out } = await run('nodes');
    cluster.directory.drainRemainingMs.clear();
    expect(code).toBe(0);
    const [header, ...rows] = out.trimEnd().split('\n');
    expect(header).toMatch(/^NODE +STATE +LOAD +SESSIONS +REGION +ZONE +HEARD$/);
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatch(/^node-a +serving +25 % +\d +r1 +z1 +0\.0 s ago$/);
    expect(rows[1]).toMatch(/^node-b +draining, 41 s left +25 % /);
  });

  test('streams and relays are tables, for one room where asked, and JSON for programs', async () => {
    expect((await run('streams')).out).toMatch(
      /^ROOM +PARTICIPANT +PURPOSE +NODE +TRACKS\ndemo +ann +m\.usermedia +node-[ab] +audio audio\/fake, video video\/fake\n$/,
    );
    expect((await run('streams', '--room', 'other')).out).toBe('Nothing is published.\n');
    expect((await run('relays')).out).toBe(
      'STREAM                   FROM    TO\na%2Fb/50%25/m.usermedia  node-a  node-b\n',
    );
    expect((await run('relays', '--room', 'other')).out).toBe('No stream is relayed.\n');
    const rows: unknown = JSON.parse((await run('relays', '--room', 'a/b', '--json')).out);
    expect(rows).toMatchObject([{ fromNode: 'node-a', toNode: 'node-b' }]);
    expect(JSON.parse((await run('nodes', '--json')).out)).toMatchObject([{ id: 'node-a' }, {}]);
  });
});

describe('cameras', () => {
  test('are added by a URL that is not said again, listed, and removed', async () => {
    expect((await run('ingests')).out).toBe('No camera is pulled.\n');
    const file = join(folder, 'door.url');
    writeFileSync(file, 'rtsp://ada:s3cret@192.0.2.7/stream\n');
    const added = await run('add-ingest', 'door', '--room', 'lobby', '--url-file', file);
    expect(added).toMatchObject({ code: 0, err: '' });
    const listed = await run('ingests');
    expect(listed.out).toMatch(
      /^ID +ROOM +PARTICIPANT +ADDRESS +NODE +STATE +BITRATE +REASON\ndoor +lobby +door +rtsp:\/\/192\.0\.2\.7:554 +node-a +running +612 kbit\/s\n$/,
    );
    expect(added.out + listed.out).not.toContain('s3cret');
    expect((await run('ingests', '--room', 'other')).out).toBe('No camera is pulled.\n');
    expect(JSON.parse((await run('ingests', '--json')).out)).toMatchObject([{ id: 'door' }]);
    expect((await run('remove-ingest', 'door')).out).toBe('door is not pulled any more.\n');
    expect((await run('ingests', '--json')).out).toBe('[]\n');
  });
});

describe('tokens', () => {
  test('one is printed alone, and opens the door it is for', async () => {
    const { code, out, err } = await run('token', '--subject', 'ada', '--room', 'demo');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(await tokens.verify(out.trimEnd())).toMatchObject({
      subject: 'ada',
      room: 'demo',
      grants: { publish: true, subscribe: true, admin: false },
    });
    const more = await run('token', '--subject', '7', '--no-publish', '--ttl', '1h30m', '--json');
    const { token } = JSON.parse(more.out) as { token: string };
    const identity = await tokens.verify(token);
    expect(identity).toMatchObject({ subject: '7', grants: { publish: false } });
    expect(identity.expiresAtS - Date.now() / 1_000).toBeCloseTo(5_400, -2);
  });

  test('the API and the token come from options, the environment or a file, and the gateway’s address is enough', async () => {
    const file = join(folder, 'token');
    writeFileSync(file, `${environment['SLUICE_TOKEN'] ?? ''}\n`);
    const api = cluster.gateway.http;
    expect((await sluice(['nodes', '--api', api, '--token-file', file])).code).toBe(0);
    const fromEnvironment = { SLUICE_API: `${api}/`, SLUICE_TOKEN_FILE: file };
    expect((await sluice(['nodes'], fromEnvironment)).code).toBe(0);
    expect(
      await sluice(['nodes', '--token-file', join(folder, 'none')], environment),
    ).toMatchObject({ code: 1, err: expect.stringContaining('cannot read the token') as string });
  });
});

describe('what fails says why in one line and ends with 1', () => {
  test('no token, a bad one, one that may not', async () => {
    const api = ['--api', cluster.gateway.http];
    const without = await sluice(['nodes', ...api]);
    expect(without).toMatchObject({ code: 1, out: '' });
    expect(without.err).toContain('give --token, --token-file or SLUICE_TOKEN');
    const bad = await sluice(['nodes', ...api, '--token', 'abc.def.ghi']);
    expect(bad.code).toBe(1);
    expect(bad.err).toMatch(/^sluice: the token was not accepted: [^\n]*\n$/);
    const token = await tokens.issue({ subject: 'ann' });
    const weak = await sluice(['nodes', ...api, '--token', token]);
    expect(weak.err).toContain('your token does not let you administer');
  });

  test('nobody there, and somebody else there', async () => {
    const nobody = `http://127.0.0.1:${String(await freePort())}`;
    const refused = await sluice(['nodes', '--api', nobody], environment);
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/^sluice: cannot reach http:\S+: [^\n]*ECONNREFUSED[^\n]*\n$/);
    const health = await sluice(['nodes', '--api', `${cluster.gateway.http}/x`], environment);
    expect(health).toMatchObject({ code: 1, err: 'sluice: there is nothing at this path\n' });
  });

  test('a node that is not there', async () => {
    expect(await run('drain', 'node-z')).toMatchObject({
      code: 1,
      err: 'sluice: there is no node node-z\n',
    });
  });
});

describe('draining', () => {
  test('is begun and called off', async () => {
    const begun = await run('drain', 'node-a', '--deadline', '10m', '--reason', 'new kernel');
    expect(begun).toMatchObject({ code: 0, err: '' });
    expect(begun.out).toBe('node-a drains. What is left in 10 min is ended.\n');
    expect(cluster.a.calls.at(-1)).toBe('drain new kernel 600000');
    expect((await run('undrain', 'node-a')).out).toBe('node-a serves again.\n');
    expect(cluster.a.calls.at(-1)).toBe('undrain');
  });

  test('--wait shows how it goes until the node is empty', async () => {
    const node = [cluster.a, cluster.b].find(({ sessions }) => sessions.size > 0)!;
    const waiting = run('drain', node.nodeId, '--wait', '--json');
    await eventually(() => (node.calls.at(-1)?.startsWith('drain') ? undefined : 'not begun'));
    cluster.directory.drainRemainingMs.set(node.nodeId, 9_000);
    const moved = new Map(node.sessions);
    // Long enough for one reading of the list to see it.
    const listed = cluster.directory.listed;
    await eventually(() => (cluster.directory.listed > listed + 1 ? undefined : 'not listed'));
    node.sessions.clear();
    const { code, out, err } = await waiting;
    for (const [id, session] of moved) node.sessions.set(id, session);
    cluster.directory.drainRemainingMs.clear();
    expect(code).toBe(0);
    expect(err).toContain(`${node.nodeId} drains.`);
    expect(err).toContain('1 session is left, 9 s remain.');
    expect(err).toMatch(/is empty after \d+ s\.\n$/);
    expect(JSON.parse(out)).toMatchObject({ node: node.nodeId, deadlineMs: 60_000 });
  });
});
