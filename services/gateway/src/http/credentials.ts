import type { IncomingMessage } from 'node:http';
import type { Credentials } from '../domain/access/access.js';

/** What a request brought: its Authorization header, `?token=` or `?access_token=`. */
export function credentialsOf(request: IncomingMessage): Credentials {
  const query = queryOf(request);
  return {
    authorization: request.headers.authorization,
    token: query.get('token') ?? query.get('access_token') ?? undefined,
  };
}

/** Never throws: `url` is what the client wrote into its request line. */
export function queryOf({ url = '' }: IncomingMessage): URLSearchParams {
  const at = url.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
}

/** The path of a request line, without its query. */
export function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '';
}
