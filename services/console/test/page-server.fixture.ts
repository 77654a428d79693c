import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';

/** Where the page is served: not at the root, as behind a proxy that shares its host. */
const PREFIX = '/calls/eu/';
const POLICY = [
  "default-src 'self'",
  "connect-src 'self' ws: wss:",
  "media-src 'self' blob:",
  "object-src 'none'",
].join('; ');
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

export interface PageServer {
  readonly url: string;
  /** Bodies of the requests for tokens. */
  readonly tokensWished: readonly unknown[];
  close(): Promise<void>;
}

/** Serves the built page with a strict content security policy, and issues tokens. */
export async function servePage(folder: string): Promise<PageServer> {
  const tokensWished: unknown[] = [];
  const server = createServer((request, response) => {
    const served =
      request.method === 'POST'
        ? issueToken(request, response, tokensWished)
        : sendFile(folder, request.url ?? '/', response);
    served.catch(() => response.writeHead(404).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    url: `http://127.0.0.1:${String(port)}${PREFIX}`,
    tokensWished,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function issueToken(
  request: IncomingMessage,
  response: ServerResponse,
  wished: unknown[],
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  wished.push(JSON.parse(Buffer.concat(chunks).toString('utf8')));
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ token: 'a-participants-token' }));
}

async function sendFile(folder: string, url: string, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(url, 'http://page');
  if (!pathname.startsWith(PREFIX)) throw new Error('not below the prefix');
  const name = normalize(pathname.slice(PREFIX.length) || 'index.html');
  const body = await readFile(join(folder, name));
  response.writeHead(200, {
    'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream',
    'Content-Security-Policy': POLICY,
  });
  response.end(body);
}
