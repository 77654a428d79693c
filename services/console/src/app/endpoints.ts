/** Where the server is, as seen from a page that may be served under any path. */
export function endpointsOf(pageUrl: string): {
  readonly ws: string;
  readonly tokens: string;
  readonly ingests: string;
} {
  const ws = new URL('ws', withoutFragment(pageUrl));
  ws.protocol = ws.protocol === 'https:' ? 'wss:' : 'ws:';
  const api = (path: string) => new URL(`api/v1/${path}`, withoutFragment(pageUrl)).href;
  return { ws: ws.href, tokens: api('tokens'), ingests: api('ingests') };
}

function withoutFragment(url: string): string {
  return url.replace(/[?#].*$/, '');
}
