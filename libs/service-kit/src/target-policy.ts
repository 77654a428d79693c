import { lookup } from 'node:dns/promises';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { z } from 'zod';

/** What nobody in the open Internet has: addresses of this host, of its networks, of its cloud. */
const NOT_PUBLIC = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];

/** @throws {Error} when it is no CIDR network. */
function add(list: BlockList, network: string): void {
  const [address = '', prefix = ''] = network.split('/');
  const family = isIP(address);
  const bits = family === 4 ? 32 : 128;
  if (family === 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) {
    throw new Error(`${network} is no network`);
  }
  list.addSubnet(address, Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
}

export function isNetwork(text: string): boolean {
  try {
    add(new BlockList(), text);
    return true;
  } catch {
    return false;
  }
}

/** A comma-separated list of them. */
export function networksIn(text: string): readonly string[] {
  return text
    .split(',')
    .map((network) => network.trim())
    .filter((network) => network !== '');
}

/** A variable that is one. */
export const networkList = () =>
  z.string().refine((text) => networksIn(text).every(isNetwork), {
    error: 'must be networks such as 10.0.0.0/8',
  });

/** Whether it is `::ffff:0:0/96`, however it is written. */
function isMapped(address: string): boolean {
  const [plain = ''] = address.split('%');
  return new URL(`http://[${plain}]`).hostname.startsWith('[::ffff:');
}

export const TARGET_REFUSALS = {
  notFound: 'its name is not known',
  late: 'its name cannot be looked up in time',
  notAllowed: 'its name leads to an address that is not allowed',
} as const;

/** Why a host is not connected to. It quotes nothing. */
export class TargetRefusal extends Error {
  override readonly name = 'TargetRefusal';

  constructor(
    readonly kind: keyof typeof TARGET_REFUSALS,
    options?: ErrorOptions,
  ) {
    super(TARGET_REFUSALS[kind], options);
  }
}

export type Lookup = (host: string) => Promise<readonly string[]>;

const LOOKUP_MAX_MS = 5_000;

const systemLookup: Lookup = async (host) => {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new TargetRefusal('late')), LOOKUP_MAX_MS);
  try {
    const addresses = await Promise.race([lookup(host, { all: true, order: 'verbatim' }), late]);
    return addresses.map(({ address }) => address);
  } finally {
    clearTimeout(timer);
  }
};

/** Decides which addresses may be connected to: public ones, and networks that the operator named. */
export class TargetPolicy {
  readonly #notPublic = new BlockList();
  readonly #allowed = new BlockList();

  constructor(
    allowedNetworks: readonly string[],
    private readonly lookupAll: Lookup = systemLookup,
  ) {
    for (const network of NOT_PUBLIC) add(this.#notPublic, network);
    for (const network of allowedNetworks) add(this.#allowed, network);
  }

  isAllowed(address: string): boolean {
    const family = isIP(address);
    // IPv4 written as IPv6 would be a way around: nobody needs it.
    if (family === 0 || (family === 6 && isMapped(address))) return false;
    const type = family === 4 ? 'ipv4' : 'ipv6';
    return this.#allowed.check(address, type) || !this.#notPublic.check(address, type);
  }

  /**
   * The addresses of a host, all of them allowed. They are looked up once and to be used as they are,
   * so that no second answer of the name's owner can lead elsewhere.
   *
   * @throws {TargetRefusal}
   */
  async resolve(host: string): Promise<readonly [string, ...string[]]> {
    const [first, ...others] = isIP(host) === 0 ? await this.#lookup(host) : [host];
    if (first === undefined) throw new TargetRefusal('notFound');
    // One that is not allowed makes the name suspect as a whole.
    if (![first, ...others].every((address) => this.isAllowed(address))) {
      throw new TargetRefusal('notAllowed');
    }
    return [first, ...others];
  }

  async #lookup(host: string): Promise<readonly string[]> {
    try {
      return await this.lookupAll(host);
    } catch (error) {
      if (error instanceof TargetRefusal) throw error;
      throw new TargetRefusal('notFound', { cause: error });
    }
  }
}

/**
 * For connections to servers that are named by whoever may name them: where such a name leads, its
 * owner decides, and only to allowed addresses. A literal address is not looked up, so it is what it
 * is.
 */
export function guardedLookup(allowedNetworks: readonly string[], lookupAll?: Lookup) {
  const policy = new TargetPolicy(allowedNetworks, lookupAll);
  const guarded: LookupFunction = (host, options, callback) => {
    policy.resolve(host).then(
      (addresses) => {
        const found = addresses.map((address) => ({ address, family: isIP(address) }));
        const [first] = found;
        if (options.all === true) callback(null, found);
        else callback(null, first?.address ?? '', first?.family);
      },
      (error: unknown) => callback(error as NodeJS.ErrnoException, '', 0),
    );
  };
  return guarded;
}
