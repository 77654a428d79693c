import type { IncomingMessage } from 'node:http';

/**
 * The address of the client behind `proxies` trusted proxies, each of which appends the address it
 * was reached from to X-Forwarded-For. What stands further left, anybody may have written.
 */
export function clientAddress(request: IncomingMessage, proxies: number): string {
  const peer = request.socket.remoteAddress ?? 'unknown';
  if (proxies === 0) return peer;
  const header = request.headers['x-forwarded-for'] ?? '';
  const hops = String(header)
    .split(',')
    .map((hop) => hop.trim())
    .filter((hop) => hop !== '');
  return hops[hops.length - proxies] ?? peer;
}
