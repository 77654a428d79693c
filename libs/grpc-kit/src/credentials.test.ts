import { Client } from '@grpc/grpc-js';
import { TestAuthority, type IssuedCertificate } from '@sluice/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { channelCredentials, serverCredentials, type MutualTls } from './credentials.js';
import { startGrpcServer, type GrpcServer } from './server.js';

const DEADLINE_MS = 5_000;
const NAME = 'sluice-internal';

let authority: TestAuthority;
let another: TestAuthority;
let named: IssuedCertificate;
let server: GrpcServer;

beforeAll(async () => {
  authority = new TestAuthority();
  another = new TestAuthority('another');
  named = authority.issue(`DNS:${NAME}`);
  server = await startGrpcServer('127.0.0.1:0', serverCredentials(named), []);
});

afterAll(async () => {
  await server.stop(100);
  authority.remove();
  another.remove();
});

describe('mutual TLS between services that a certificate cannot name by address', () => {
  test('connects when the certificate carries the name that all share', async () => {
    await expect(connect({ ...named, serverName: NAME })).resolves.toBe('connected');
  });

  test('refuses a certificate of the same authority with another name', async () => {
    await expect(connect({ ...named, serverName: 'somebody-else' })).resolves.toBe('refused');
  });

  test('wants the dialled address in the certificate when no name was given', async () => {
    await expect(connect(named)).resolves.toBe('refused');
  });

  test('refuses a certificate of another authority, whatever its name', async () => {
    const foreign = another.issue(`DNS:${NAME}`);
    await expect(connect({ ...foreign, serverName: NAME })).resolves.toBe('refused');
  });
});

describe('certificates that change while client and server run', () => {
  test('hold for new connections from then on, and leave those that are open alone', async () => {
    const next = another.issue(`DNS:${NAME}`);
    const [ours, theirs] = [new Changing(named), new Changing(named)];
    const changing = await startGrpcServer('127.0.0.1:0', serverCredentials(ours.tls), []);
    const open = new Client(changing.address, channelCredentials(theirs.tls));
    expect(await outcomeOf(open)).toBe('connected');
    ours.change(next);

    expect(await connect({ ...named, serverName: NAME }, changing)).toBe('refused');
    expect(await connect({ ...next, serverName: NAME }, changing)).toBe('connected');
    expect(open.getChannel().getConnectivityState(false)).toBe(READY);
    theirs.change(next);
    const again = new Client(changing.address, channelCredentials(theirs.tls));
    expect(await outcomeOf(again)).toBe('connected');

    open.close();
    again.close();
    await changing.stop(100);
    expect([ours.followers, theirs.followers]).toEqual([0, 0]);
  });
});

/** Of a channel's connectivity. */
const READY = 2;
const TRANSIENT_FAILURE = 3;

/** Certificates as whoever reads changing files gives them. */
class Changing {
  readonly #listeners = new Set<(now: IssuedCertificate) => void>();
  readonly tls: MutualTls;

  constructor(now: IssuedCertificate) {
    this.tls = {
      ...now,
      serverName: NAME,
      onChanged: (listener) => {
        this.#listeners.add(listener);
        return () => void this.#listeners.delete(listener);
      },
    };
  }

  get followers(): number {
    return this.#listeners.size;
  }

  change(now: IssuedCertificate): void {
    Object.assign(this.tls, now);
    for (const listener of this.#listeners) listener(now);
  }
}

async function connect(tls: MutualTls, to = server): Promise<'connected' | 'refused'> {
  const client = new Client(to.address, channelCredentials(tls));
  try {
    return await outcomeOf(client);
  } finally {
    client.close();
  }
}

function outcomeOf(client: Client): Promise<'connected' | 'refused'> {
  return new Promise((resolve) => {
    const channel = client.getChannel();
    const look = () => {
      const state = channel.getConnectivityState(true) as number;
      if (state === READY) resolve('connected');
      else if (state === TRANSIENT_FAILURE) resolve('refused');
      else channel.watchConnectivityState(state, Date.now() + DEADLINE_MS, look);
    };
    look();
  });
}
