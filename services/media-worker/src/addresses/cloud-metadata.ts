import { isIP } from 'node:net';
import { SluiceError } from '@sluice/core';
import type { Cloud } from '../domain/node/announced-address.js';

const TIMEOUT_MS = 2_000;
const ANSWER_MAX_CHARACTERS = 256;

interface Question {
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Where each cloud says a host's public address, by its own documentation. */
const QUESTIONS: Readonly<Record<Cloud, Question>> = {
  aws: {
    origin: 'http://169.254.169.254',
    path: '/latest/meta-data/public-ipv4',
    headers: {},
  },
  azure: {
    origin: 'http://169.254.169.254',
    path: '/metadata/instance/network/interface/0/ipv4/ipAddress/0/publicIpAddress?api-version=2021-02-01&format=text',
    headers: { Metadata: 'true' },
  },
  gcp: {
    origin: 'http://metadata.google.internal',
    path: '/computeMetadata/v1/instance/network-interfaces/0/access-configs/0/external-ip',
    headers: { 'Metadata-Flavor': 'Google' },
  },
};

/**
 * This host's public address by its cloud's metadata service.
 *
 * @throws {SluiceError} UNAVAILABLE when it does not say.
 */
export async function askCloud(cloud: Cloud, origin = QUESTIONS[cloud].origin): Promise<string> {
  const { path, headers } = QUESTIONS[cloud];
  const session = cloud === 'aws' ? await awsSession(origin) : {};
  const answer = await ask(new URL(path, origin), { headers: { ...headers, ...session } });
  if (isIP(answer) !== 0) return answer;
  throw new SluiceError('UNAVAILABLE', 'this host has no public address by its metadata');
}

/** AWS answers only who has asked for a token first. */
async function awsSession(origin: string): Promise<Record<string, string>> {
  const headers = { 'X-aws-ec2-metadata-token-ttl-seconds': '60' };
  const token = await ask(new URL('/latest/api/token', origin), { method: 'PUT', headers });
  return { 'X-aws-ec2-metadata-token': token };
}

async function ask(url: URL, request: RequestInit): Promise<string> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(url, { ...request, signal, redirect: 'error' });
    if (!response.ok) throw new Error(`it answers ${response.status}`);
    const text = await response.text();
    return text.slice(0, ANSWER_MAX_CHARACTERS).trim();
  } catch (cause) {
    throw new SluiceError('UNAVAILABLE', 'the cloud’s metadata cannot be had', {}, { cause });
  }
}
