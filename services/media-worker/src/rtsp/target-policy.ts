import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { IngestFailure } from '../domain/ingests/ingest-failure.js';

/** What no camera of the open Internet has: addresses of this host, of its networks, of its cloud. */
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

/** Whether it is `::ffff:0:0/96`, however it is written. */
function isMapped(address: string): boolean {
  const [plain = ''] = address.split('%');
  return new URL(`http://[${plain}]`).hostname.startsWith('[::ffff:');
}

export type Lookup = (host: string) => Promise<readonly string[]>;

const LOOKUP_MAX_MS = 5_000;

const systemLookup: Lookup = async (host) => {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new IngestFailure('late')), LOOKUP_MAX_MS).unref();
  });
  const addresses = await Promise.race([lookup(host, { all: true, order: 'verbatim' }), late]);
  return addresses.map(({ address }) => address);
};

/** Decides which addresses may be pulled from: public ones, and networks that the operator named. */
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
   * The one address to connect to. It is looked up once and then used as it is, so that no second
   * answer of the name's owner can lead elsewhere.
   *
   * @throws {IngestFailure} `notFound` or `notAllowed`.
   */
  async resolve(host: string): Promise<string> {
    const addresses = isIP(host) === 0 ? await this.#lookup(host) : [host];
    if (addresses.length === 0) throw new IngestFailure('notFound');
    // One that is not allowed makes the name suspect as a whole.
    if (!addresses.every((address) => this.isAllowed(address))) {
      throw new IngestFailure('notAllowed');
    }
    return addresses[0] ?? host;
  }

  async #lookup(host: string): Promise<readonly string[]> {
    try {
      return await this.lookupAll(host);
    } catch (error) {
      if (error instanceof IngestFailure) throw error;
      throw new IngestFailure('notFound', { cause: error });
    }
  }
}
