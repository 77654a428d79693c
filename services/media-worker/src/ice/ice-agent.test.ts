import { parseStun, writeCheck, writeSuccess, type UdpAddress } from '@sluice/stun';
import { FakeClock, seededRandom } from '@sluice/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import { IceAgent, keyOf, type IceCredentials, type RemoteIce } from './ice-agent.js';

let clock: FakeClock;
let network: Map<string, (datagram: Buffer, from: UdpAddress) => void>;
let lost: (from: UdpAddress, to: UdpAddress) => boolean;

beforeEach(() => {
  clock = new FakeClock();
  network = new Map();
  lost = () => false;
});

/** An agent at one address, and what became of it. */
class End {
  readonly credentials: IceCredentials;
  readonly agent: IceAgent;
  selections = 0;
  ended = false;

  constructor(
    readonly name: string,
    readonly address: UdpAddress,
  ) {
    this.credentials = { usernameFragment: name, password: `${name} password, long enough` };
    this.agent = new IceAgent({
      credentials: this.credentials,
      send: (datagram, to) => {
        if (lost(this.address, to)) return;
        clock.after(1, () => network.get(keyOf(to))?.(datagram, this.address));
      },
      nowMs: () => clock.nowMs(),
      onSelected: () => (this.selections += 1),
      onLost: () => (this.ended = true),
    });
    this.listenAt(address);
    clock.every(50, () => this.agent.tick());
  }

  listenAt(address: UdpAddress): void {
    network.set(keyOf(address), (datagram, from) => this.agent.receive(datagram, from));
  }

  described(offered: boolean, more: Partial<RemoteIce> = {}): RemoteIce {
    const { credentials } = this;
    return {
      credentials,
      lite: false,
      offered,
      candidates: [{ ...this.address, priority: 1 }],
      ...more,
    };
  }
}

const at = (ip: string): UdpAddress => ({ ip, port: 1_000 });

function pair(): [End, End] {
  return [new End('ann', at('10.0.0.1')), new End('bob', at('10.0.0.2'))];
}

describe('two agents', () => {
  test('meet, whoever offers, and both send the same way', () => {
    const [ann, bob] = pair();
    ann.agent.meet(bob.described(false));
    bob.agent.meet(ann.described(true));
    clock.elapse(1_000);
    expect(ann.agent.selected).toEqual(bob.address);
    expect(bob.agent.selected).toEqual(ann.address);
    expect(ann.agent.hasConsent && bob.agent.hasConsent).toBe(true);
  });

  test.each([true, false])('meet when both think that they offered: %s', (offered) => {
    const [ann, bob] = pair();
    ann.agent.meet(bob.described(offered));
    bob.agent.meet(ann.described(offered));
    clock.elapse(2_000);
    expect([ann.selections, bob.selections]).toEqual([1, 1]);
  });

  test('meet where one can be reached only by what it sent: behind a NAT', () => {
    const [ann, bob] = pair();
    ann.agent.meet(bob.described(false));
    bob.agent.meet(ann.described(true, { candidates: [{ ...at('192.168.0.9'), priority: 1 }] }));
    clock.elapse(1_000);
    expect(bob.agent.selected).toEqual(ann.address);
    expect(bob.agent.trusts(ann.address)).toBe(true);
    expect(bob.agent.trusts(at('192.168.0.9'))).toBe(false);
  });

  test('meet although a third of all packets is lost, and stay together', () => {
    const random = seededRandom(1);
    lost = () => random() < 0.33;
    const [ann, bob] = pair();
    ann.agent.meet(bob.described(false));
    bob.agent.meet(ann.described(true));
    clock.elapse(60_000);
    expect(ann.ended || bob.ended).toBe(false);
    expect(ann.agent.selected).toEqual(bob.address);
    expect(bob.agent.selected).toEqual(ann.address);
  });

  test('tell that the other one is gone', () => {
    const [ann, bob] = pair();
    ann.agent.meet(bob.described(false));
    bob.agent.meet(ann.described(true));
    clock.elapse(1_000);
    lost = () => true;
    clock.elapse(10_000);
    expect(ann.agent.hasConsent).toBe(false);
    expect(ann.ended).toBe(false);
    clock.elapse(10_000);
    expect([ann.ended, bob.ended]).toEqual([true, true]);
  });

  test('go another way when theirs breaks', () => {
    const [ann, bob] = pair();
    const second = at('10.1.0.2');
    bob.listenAt(second);
    const candidates = [
      { ...bob.address, priority: 2 },
      { ...second, priority: 1 },
    ];
    ann.agent.meet(bob.described(false, { candidates, lite: true }));
    clock.elapse(1_000);
    expect(ann.agent.selected).toEqual(bob.address);
    lost = (_from, to) => to.ip === bob.address.ip;
    // What answers there answers from there.
    network.set(keyOf(second), (datagram, from) => {
      const request = parseStun(datagram)!;
      const answer = writeSuccess(request, from, bob.credentials.password);
      network.get(keyOf(from))?.(answer, second);
    });
    clock.elapse(10_000);
    expect(ann.agent.selected).toEqual(second);
    expect(ann.ended).toBe(false);
  });

  test('say again and again which way is used: a NAT may lead it elsewhere', () => {
    const [ann, bob] = pair();
    ann.agent.meet(bob.described(false));
    bob.agent.meet(ann.described(true));
    clock.elapse(1_000);
    const nominated = { ann: [] as boolean[], bob: [] as boolean[] };
    for (const [end, other] of [[ann, bob] as const, [bob, ann] as const]) {
      network.set(keyOf(end.address), (datagram, from) => {
        const message = parseStun(datagram);
        const sender = other.name as keyof typeof nominated;
        if (message?.type === 'request') nominated[sender].push(message.nominates);
        end.agent.receive(datagram, from);
      });
    }
    clock.elapse(10_000);
    expect(nominated.ann.length).toBeGreaterThan(2);
    expect(new Set(nominated.ann)).toEqual(new Set([true]));
    // Who offered decides.
    expect(new Set(nominated.bob)).toEqual(new Set([false]));
  });

  test('restart, and the old way is used until the new one is known', () => {
    const [ann, bob] = pair();
    ann.agent.meet(bob.described(false));
    bob.agent.meet(ann.described(true));
    clock.elapse(1_000);
    const credentials = { usernameFragment: 'bob2', password: 'another password, also long' };
    bob.agent.restart(credentials);
    ann.agent.meet(bob.described(false, { credentials }));
    expect(ann.agent.selected).toEqual(bob.address);
    clock.elapse(10_000);
    expect(ann.agent.hasConsent && bob.agent.hasConsent).toBe(true);
    expect(ann.agent.selected).toEqual(bob.address);
  });
});

describe('what comes from others', () => {
  const check = (password: string, username = 'ann:eve') =>
    writeCheck({
      transactionId: Buffer.alloc(12, 7),
      username,
      password,
      priority: 1,
      role: 'controlling',
      tieBreaker: 1n,
      nominates: true,
    });

  test('is not answered, not trusted and moves nothing', () => {
    const [ann, bob] = pair();
    ann.agent.meet(bob.described(false));
    bob.agent.meet(ann.described(true));
    clock.elapse(1_000);
    const eve = at('10.6.6.6');
    const heard: Buffer[] = [];
    network.set(keyOf(eve), (datagram) => heard.push(datagram));
    ann.agent.receive(check('a guess'), eve);
    ann.agent.receive(check(ann.credentials.password, 'else:eve'), eve);
    clock.elapse(100);
    expect(heard).toEqual([]);
    expect(ann.agent.trusts(eve)).toBe(false);
    expect(ann.agent.selected).toEqual(bob.address);
  });

  test('is taken apart without harm, whatever it is', () => {
    const [ann, bob] = pair();
    ann.agent.meet(bob.described(false));
    const random = seededRandom(2);
    const good = check(ann.credentials.password);
    for (let round = 0; round < 20_000; round += 1) {
      const datagram = Buffer.from(good.subarray(0, Math.ceil(random() * good.length)));
      const changes = Math.floor(random() * 4);
      for (let change = 0; change < changes; change += 1) {
        datagram[Math.floor(random() * datagram.length)] = Math.floor(random() * 256);
      }
      if (random() < 0.5 && datagram.length >= 20) datagram.writeUInt16BE(datagram.length - 20, 2);
      if (datagram.equals(good)) continue;
      ann.agent.receive(datagram, at('10.6.6.6'));
    }
    expect(ann.agent.trusts(at('10.6.6.6'))).toBe(false);
    expect(ann.agent.selected).toBeUndefined();
  });

  test('is bounded: a peer that names hosts without end has few of them asked', () => {
    const ann = new End('ann', at('10.0.0.1'));
    const bob = new End('bob', at('10.0.0.2'));
    const candidates = Array.from({ length: 1_000 }, (_, index) => ({
      ip: `10.9.${Math.floor(index / 250)}.${index % 250}`,
      port: 5_000,
      priority: 1,
    }));
    const asked = new Set<string>();
    lost = (from, to) => {
      if (from === ann.address) asked.add(keyOf(to));
      return true;
    };
    ann.agent.meet(bob.described(false, { candidates }));
    clock.elapse(20_000);
    expect(asked.size).toBe(32);
  });
});
