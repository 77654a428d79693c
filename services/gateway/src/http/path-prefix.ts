import type { IncomingMessage } from 'node:http';

const PREFIX = /^(?:\/[\w.~-]{1,64}){1,8}$/;

/**
 * The path under which a client came, and which `proxies` trusted proxies took off: each that does so
 * appends it to X-Forwarded-Prefix. Empty without one.
 */
export function pathPrefix({ headers }: IncomingMessage, proxies: number): string {
  if (proxies === 0) return '';
  const said = String(headers['x-forwarded-prefix'] ?? '').split(',');
  return said
    .slice(-proxies)
    .map((part) => part.trim().replace(/\/$/, ''))
    .filter((part) => PREFIX.test(part))
    .join('');
}
