import type { Config } from '../config.js';

type IceServer = Config['iceServers'][number];

/** STUN and TURN servers as RFC 9725 has them: one Link header for each URL. */
export function iceServerLinks(servers: readonly IceServer[]): string[] {
  return servers.flatMap((server) => {
    const { username, credential } = server;
    const parameters = [
      'rel="ice-server"',
      ...(typeof username === 'string' ? [`username=${quoted(username)}`] : []),
      ...(typeof credential === 'string'
        ? [`credential=${quoted(credential)}`, 'credential-type="password"']
        : []),
    ];
    const urls = typeof server.urls === 'string' ? [server.urls] : server.urls;
    return urls.map((url) => [`<${encodeURI(url)}>`, ...parameters].join('; '));
  });
}

/** As a quoted string of HTTP (RFC 9110, 5.6.4). */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
