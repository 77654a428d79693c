/** Where the server is, as seen from a page that may be served under any path. */
export function endpointsOf(pageUrl: string): { readonly ws: string; readonly tokens: string } {
  const ws = new URL('ws', withoutFragment(pageUrl));
  ws.protocol = ws.protocol === 'https:' ? 'wss:' : 'ws:';
  return { ws: ws.href, tokens: new URL('api/v1/tokens', withoutFragment(pageUrl)).href };
}

function withoutFragment(url: string): string {
  return url.replace(/[?#].*$/, '');
}
