import { SluiceError } from '@sluice/core';

export const CLOUDS = ['aws', 'azure', 'gcp'] as const;
export type Cloud = (typeof CLOUDS)[number];

/** Where the address comes from that clients are told. */
export type AddressSource =
  | { readonly kind: 'given'; readonly address: string }
  | { readonly kind: 'stun'; readonly host: string; readonly port: number }
  | { readonly kind: 'cloud'; readonly cloud: Cloud };

const STUN_PORT = 3_478;
const ADDRESS = /^[A-Za-z0-9.:_-]{1,253}$/;
const STUN = /^stun:(\[[0-9a-fA-F:]+\]|[^:\s]+)(?::(\d{1,5}))?$/;
const MAP = /^map:([^:]+):(.+)$/;

/**
 * Reads an address, or how to find it: `stun:host:port` asks a STUN server, `cloud:aws` (azure, gcp) the
 * cloud's metadata, `map:host-1:host-1=203.0.113.1,host-2=203.0.113.2` takes the one of the first name.
 *
 * @throws {SluiceError} INVALID_ARGUMENT saying what is wrong.
 */
export function parseAddressSource(text: string): AddressSource {
  const [, host = '', port] = STUN.exec(text) ?? [];
  if (host !== '') {
    return { kind: 'stun', host: host.replace(/^\[|\]$/g, ''), port: Number(port ?? STUN_PORT) };
  }
  const cloud = CLOUDS.find((name) => text === `cloud:${name}`);
  if (cloud) return { kind: 'cloud', cloud };
  const [, name = '', list = ''] = MAP.exec(text) ?? [];
  const address = name === '' ? text : addressOf(name, list);
  if (ADDRESS.test(address) && !/^(stun|cloud|map):/.test(address))
    return { kind: 'given', address };
  throw new SluiceError('INVALID_ARGUMENT', 'must be an address, stun:…, cloud:… or map:…');
}

function addressOf(name: string, list: string): string {
  const entries = list.split(',').map((entry) => entry.trim().split('='));
  const [, address] = entries.find(([key]) => key === name) ?? [];
  if (address !== undefined) return address;
  throw new SluiceError('INVALID_ARGUMENT', 'has no address for this host');
}
