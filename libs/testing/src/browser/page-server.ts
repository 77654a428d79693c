import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';

const PAGE = `<!doctype html>
<meta charset="utf-8" />
<title>Sluice test page</title>
<body></body>
`;

/** Serves one empty page, in which camera and microphone may be used, and the scripts of some folders. */
export class PageServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param scriptFolders whose .js files the page may import, by their names in whatever folder */
  static async start(...scriptFolders: string[]): Promise<PageServer> {
    const server = createServer((request, response) => {
      const name = basename(new URL(request.url ?? '/', 'http://localhost').pathname);
      if (!name.endsWith('.js')) {
        response.setHeader('content-type', 'text/html').end(PAGE);
        return;
      }
      Promise.any(scriptFolders.map((folder) => readFile(join(folder, name)))).then(
        (script) => response.setHeader('content-type', 'text/javascript').end(script),
        () => response.writeHead(404).end(),
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new PageServer(server);
  }

  /** Such as http://127.0.0.1:1234/ */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
