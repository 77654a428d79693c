import { isIPv4, isIPv6 } from 'node:net';
import { SluiceError } from '@sluice/core';

/**
 * The gRPC target for all directory replicas: one channel that takes them in turn and leaves out
 * those that are away.
 *
 * `addresses` is comma-separated IP addresses with ports, or one name: `directory:7000`, or with its
 * resolver `dns:///directory:7000`. A name stands for all addresses that DNS has for it.
 *
 * @throws {SluiceError} INVALID_ARGUMENT for several names or for IPv4 beside IPv6, which gRPC cannot
 * put into one channel.
 */
export function directoryTarget(addresses: string): string {
  if (/^(dns|unix|ipv4|ipv6):/.test(addresses)) return addresses;
  const list = addresses
    .split(',')
    .map((address) => address.trim().replace(/^localhost:/, LOOPBACK));
  if (list.some((address) => !HOST_PORT.test(address))) {
    throw new SluiceError('INVALID_ARGUMENT', 'must be host:port addresses, separated by commas');
  }
  const hosts = list.map((address) => address.slice(0, address.lastIndexOf(':')));
  if (hosts.every((host) => isIPv4(host))) return `ipv4:${list.join(',')}`;
  if (hosts.every((host) => isIPv6(host.replace(/^\[|\]$/g, '')))) return `ipv6:${list.join(',')}`;
  if (list.length === 1) return `dns:///${list.join()}`;
  throw new SluiceError(
    'INVALID_ARGUMENT',
    'must be IP addresses of one family, or one name for all replicas',
  );
}

const LOOPBACK = '127.0.0.1:';
const HOST_PORT = /^(\[[0-9a-fA-F:.]+\]|[^\s:[\]/]+):\d{1,5}$/;
