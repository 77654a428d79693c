import { randomInt } from 'node:crypto';
import { run } from './run-command.js';
import { Doorways, HERE, type Placed } from './doorways.js';
import { Wire } from './wire.js';

const PREFIX = 'sluice-test';
/** Networks of four addresses, of those that are set aside for tests of networks (RFC 2544). */
const NETWORKS = 2 ** 15;

/** A cable from the namespace to the machine, with an address at either end. */
export interface Uplink {
  readonly inside: string;
  readonly outside: string;
  readonly insideAddress: string;
  readonly outsideAddress: string;
}

/** A router that hides who is behind it. */
export interface Nat {
  /** How many flows it has given an address of its own. */
  readonly connections: () => Promise<number>;
  /** Forgets all of them, as a router does that is started again: each gets another address then. */
  readonly forget: () => Promise<void>;
}

/**
 * A network namespace whose only way out is one of its uplinks: a place for clients whose network
 * fails, or changes. The machine's own network is left as it is.
 */
export class Namespace {
  readonly #doorways = new Doorways();
  readonly #uplinks: Uplink[] = [];
  readonly #cables: { readonly namespace: string; readonly wire: Wire }[] = [];
  readonly #routers: string[] = [];

  private constructor(readonly name: string) {}

  /** Why there can be none; undefined where there can. */
  static lacks(): string | undefined {
    return process.getuid?.() === 0 ? undefined : 'only root may make network namespaces';
  }

  /** With an uplink that is in use. The caller closes it. */
  static async create(): Promise<Namespace> {
    await removeLeftOvers();
    const namespace = new Namespace(aName());
    await run(`ip netns add ${namespace.name}`);
    try {
      await namespace.inside('ip link set lo up');
      await namespace.use(await namespace.addUplink());
      return namespace;
    } catch (error) {
      await namespace.close();
      throw error;
    }
  }

  get uplink(): Uplink {
    const [first] = this.#uplinks;
    if (!first) throw new Error('there is no uplink');
    return first;
  }

  /** How a command is run in it. */
  readonly place: Placed = (program, args) => [
    'ip',
    ['netns', 'exec', this.name, program, ...args],
  ];

  /** Runs one line of words in it. */
  inside(line: string): Promise<string> {
    return run(`ip netns exec ${this.name} ${line}`);
  }

  /** Another cable, not in use yet. */
  async addUplink(): Promise<Uplink> {
    const id = randomInt(2 ** 32).toString(36);
    const network = randomInt(NETWORKS) * 4;
    const address = addressesOf(network);
    const uplink: Uplink = {
      inside: `slu-i-${id}`,
      outside: `slu-o-${id}`,
      insideAddress: address(2),
      outsideAddress: address(1),
    };
    const { inside, outside } = uplink;
    await run(`ip link add ${outside} type veth peer name ${inside} netns ${this.name}`);
    await this.#attach(uplink);
    return uplink;
  }

  /** Cuts the first cable in two, and joins the ends by a wire of which the caller decides. */
  async interpose(): Promise<Wire> {
    const { inside, outside } = this.uplink;
    const [name, id] = [aName(), randomInt(2 ** 32).toString(36)];
    const [near, far] = [`slu-n-${id}`, `slu-f-${id}`];
    await run(`ip link delete ${outside}`);
    await run(`ip netns add ${name}`);
    await run(`ip link add ${outside} type veth peer name ${near} netns ${name}`);
    const other = `peer name ${inside} netns ${this.name}`;
    await run(`ip netns exec ${name} ip link add ${far} type veth ${other}`);
    for (const end of [near, far]) await run(`ip netns exec ${name} ip link set ${end} up`);
    const place: Placed = (program, args) => ['ip', ['netns', 'exec', name, program, ...args]];
    const wire = await Wire.between(place, near, far);
    this.#cables.push({ namespace: name, wire });
    await this.#attach(this.uplink);
    await this.use(this.uplink);
    return wire;
  }

  /**
   * Cuts the first cable in two and puts a NAT between the ends: what leaves by it comes, for the
   * machine, from the router's address, and nobody out there reaches anybody inside who was silent.
   */
  async translate(): Promise<Nat> {
    const { inside, outside, insideAddress: routerAddress } = this.uplink;
    const [name, id] = [aName(), randomInt(2 ** 32).toString(36)];
    const [near, far] = [`slu-n-${id}`, `slu-f-${id}`];
    const network = addressesOf(randomInt(NETWORKS) * 4);
    await run(`ip link delete ${outside}`);
    await run(`ip netns add ${name}`);
    this.#routers.push(name);
    const router = (line: string) => run(`ip netns exec ${name} ${line}`);
    await run(`ip link add ${outside} type veth peer name ${near} netns ${name}`);
    await router(`ip link add ${far} type veth peer name ${inside} netns ${this.name}`);
    await run(`ip address add ${this.uplink.outsideAddress}/30 dev ${outside}`);
    await run(`ip link set ${outside} up`);
    await router(`ip address add ${routerAddress}/30 dev ${near}`);
    await router(`ip address add ${network(1)}/30 dev ${far}`);
    for (const end of [near, far]) await router(`ip link set ${end} up`);
    const route = `ip route replace default via ${this.uplink.outsideAddress}`;
    await router(route);
    const forward = 'require("fs").writeFileSync("/proc/sys/net/ipv4/ip_forward","1")';
    await router(`${process.execPath} -e ${forward}`);
    await router('nft add table ip nat');
    await router('nft add chain ip nat out { type nat hook postrouting priority 100 ; }');
    await router(`nft add rule ip nat out oifname ${near} counter masquerade random`);
    await this.inside(`ip address add ${network(2)}/30 dev ${inside}`);
    await this.inside(`ip link set ${inside} up`);
    await this.inside(`ip route replace default via ${network(1)}`);
    return {
      connections: async () => {
        const rules = await router('nft list table ip nat');
        return Number(/packets (\d+)/.exec(rules)?.[1] ?? 0);
      },
      // What is hidden behind an interface that goes down is forgotten.
      forget: async () => {
        for (const state of ['down', 'up']) await router(`ip link set ${near} ${state}`);
        await router(route);
      },
    };
  }

  /** What comes in over the first uplink is at most so much from now on. */
  async limitDownlink(kilobitsPerSecond: number): Promise<void> {
    const limit = `tbf rate ${kilobitsPerSecond}kbit burst 4kb latency 300ms`;
    await run(`tc qdisc replace dev ${this.uplink.outside} root ${limit}`);
  }

  async unlimitDownlink(): Promise<void> {
    await run(`tc qdisc delete dev ${this.uplink.outside} root`);
  }

  async #attach(uplink: Uplink): Promise<void> {
    const { inside, outside } = uplink;
    await run(`ip address add ${uplink.outsideAddress}/30 dev ${outside}`);
    await run(`ip link set ${outside} up`);
    await this.inside(`ip address add ${uplink.insideAddress}/30 dev ${inside}`);
    if (!this.#uplinks.includes(uplink)) this.#uplinks.push(uplink);
  }

  /** One beside the first, which is made when it is asked for first. */
  async spareUplink(): Promise<Uplink> {
    return this.#uplinks[1] ?? (await this.addUplink());
  }

  /** Everything leaves by this one from now on; the others are down. */
  async use(uplink: Uplink): Promise<void> {
    for (const { inside } of this.#uplinks) {
      if (inside !== uplink.inside) await this.inside(`ip link set ${inside} down`);
    }
    await this.inside(`ip link set ${uplink.inside} up`);
    await this.inside(`ip route replace default via ${uplink.outsideAddress}`);
  }

  /** Nothing leaves by UDP from now on, but to one port, and nobody is told. */
  async blockUdp({ except }: { readonly except?: number } = {}): Promise<void> {
    const device = this.uplink.inside;
    await this.inside('nft add table netdev blocked');
    // Past the point where the sender would be told.
    await this.inside(
      `nft add chain netdev blocked out { type filter hook egress device ${device} priority 0 ; }`,
    );
    const blocked = except === undefined ? 'meta l4proto udp' : `udp dport != ${except}`;
    await this.inside(`nft add rule netdev blocked out ${blocked} counter drop`);
  }

  async unblockUdp(): Promise<void> {
    await this.inside('nft delete table netdev blocked');
  }

  /** Packets that {@link blockUdp} has held back. */
  async blockedPackets(): Promise<number> {
    const rules = await this.inside('nft list table netdev blocked');
    return Number(/packets (\d+)/.exec(rules)?.[1] ?? 0);
  }

  /** Makes a loopback port of the machine reachable at the same port of its own loopback. */
  async lead(port: number): Promise<void> {
    await this.#doorways.open(port, { listening: this.place, serving: HERE });
  }

  /** The other way round: what listens inside is reachable at the same port here. */
  async show(port: number): Promise<void> {
    await this.#doorways.open(port, { listening: HERE, serving: this.place });
  }

  async close(): Promise<void> {
    await this.#doorways.close();
    for (const { namespace, wire } of this.#cables) {
      await wire.stop();
      await run(`ip netns delete ${namespace}`);
    }
    for (const name of this.#routers) await run(`ip netns delete ${name}`);
    // Its cables go with it.
    await run(`ip netns delete ${this.name}`);
  }
}

/** Those of one network of four. */
function addressesOf(network: number): (host: number) => string {
  return (host) => `198.${18 + (network >> 16)}.${(network >> 8) & 255}.${(network & 255) + host}`;
}

function aName(): string {
  return `${PREFIX}-${process.pid}-${randomInt(2 ** 24).toString(36)}`;
}

/** Namespaces of test runs that were killed. */
async function removeLeftOvers(): Promise<void> {
  for (const line of (await run('ip netns list')).split('\n')) {
    const [, name, pid] = /^(sluice-test-(\d+)-\w+)/.exec(line) ?? [];
    if (name !== undefined && !isAlive(Number(pid))) {
      await run(`ip netns delete ${name}`).catch(() => undefined);
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
