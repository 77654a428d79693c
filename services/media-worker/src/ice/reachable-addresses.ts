import { networkInterfaces } from 'node:os';

/** Of this host, as others on its networks may reach it; of a host without networks, the loopback. */
export function reachableAddresses(family: 4 | 6): readonly string[] {
  const all = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((address) => address.family === (family === 6 ? 'IPv6' : 'IPv4'))
    .filter(({ address }) => !address.startsWith('fe80:') && !address.startsWith('169.254.'));
  const outer = all.filter(({ internal }) => !internal);
  const told = outer.length > 0 || family === 6 ? outer : all;
  return told.map(({ address }) => address).slice(0, ADDRESSES_MAX);
}

const ADDRESSES_MAX = 8;
