import { describe, expect, test } from 'vitest';
import {
  directory,
  gateway,
  hostPortOf,
  listeningLine,
  mediaNode,
  natsAddress,
  natsServer,
} from './service-programs.js';

const FACTS = {
  repositoryRoot: '/repository',
  environment: { PATH: '/bin', SLUICE_LOG_LEVEL: 'debug' },
  overrides: {},
  wrappers: {},
  clusterSecret: 'c'.repeat(32),
  tokenSecret: 't'.repeat(32),
  natsUrl: 'nats://127.0.0.1:4222',
};

describe('what is started', () => {
  test('inherits the environment of whoever starts it', () => {
    expect(directory(FACTS, 'directory-1', 0).environment).toMatchObject(FACTS.environment);
  });

  test('listens on loopback alone', () => {
    const listens = [
      directory(FACTS, 'directory-1', 0),
      mediaNode(FACTS, 'node-1', [], 1),
      gateway(FACTS, 'gateway-1', [], 8080),
    ].flatMap(({ environment }) =>
      Object.entries(environment).filter(([name]) => name.includes('LISTEN')),
    );
    expect(listens.length).toBeGreaterThan(5);
    for (const [, address] of listens) expect(address).toMatch(/^127\.0\.0\.1(:|$)/);
    expect(natsServer(FACTS, '/data', 0).args.join(' ')).toContain('-a 127.0.0.1');
  });

  test('gives the secret that signs tokens to gateways alone', () => {
    const environments = [directory(FACTS, 'directory-1', 0), mediaNode(FACTS, 'node-1', [], 1)];
    for (const { environment } of environments) {
      expect(Object.values(environment)).not.toContain(FACTS.tokenSecret);
    }
    expect(gateway(FACTS, 'gateway-1', [], 0).environment).toMatchObject({
      SLUICE_TOKEN_SECRET: FACTS.tokenSecret,
    });
  });

  test('is started by other words where they are given', () => {
    const wrappers = { 'node-2': ['nice', '-n', '5'] };
    const programs = ['node-1', 'node-2'].map((name) =>
      mediaNode({ ...FACTS, wrappers }, name, [], 1),
    );
    expect(programs.map(({ command }) => command)).toEqual([process.execPath, 'nice']);
    expect(programs[1]!.args.slice(0, 3)).toEqual(['-n', '5', process.execPath]);
  });

  test('is changed for one kind, and more closely for one name', () => {
    const overrides = { node: { SLUICE_ZONE: 'a' }, 'node-2': { SLUICE_ZONE: 'b' } };
    const zoneOf = (name: string) =>
      mediaNode({ ...FACTS, overrides }, name, [], 1).environment['SLUICE_ZONE'];
    expect([zoneOf('node-1'), zoneOf('node-2')]).toEqual(['a', 'b']);
  });
});

describe('where a service listens', () => {
  test('is read from its line that says so, and from no other', () => {
    const line = '{"level":"info","msg":"listening","http":"http://127.0.0.1:1","port":5}';
    expect(listeningLine(line)).toMatchObject({ http: 'http://127.0.0.1:1' });
    expect(listeningLine('{"msg":"stopping"}')).toBeUndefined();
    expect(listeningLine('{ not JSON, yet "msg":"listening"')).toBeUndefined();
    expect(listeningLine('listening')).toBeUndefined();
  });

  test('is read from what nats-server says about its port', () => {
    const line = '[1] 2026/01/01 [INF] Listening for client connections on 127.0.0.1:4321';
    expect(natsAddress(line)).toEqual({ nats: '127.0.0.1:4321' });
    expect(natsAddress('[1] [INF] Server is ready')).toBeUndefined();
  });

  test('may be written as a URL or without its scheme', () => {
    expect(hostPortOf('http://127.0.0.1:80/path')).toBe('127.0.0.1:80');
    expect(hostPortOf('127.0.0.1:80')).toBe('127.0.0.1:80');
  });
});
