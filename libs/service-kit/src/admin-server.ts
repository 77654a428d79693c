import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import express, { type Express } from 'express';

export interface Probes {
  /** The process works. False makes Kubernetes restart it, so never for what a restart does not mend. */
  live(): boolean;
  /** Why it cannot do its work; empty when it can. Independent of NATS being up. */
  notReadyBecause(): readonly string[];
}

export interface AdminServer {
  /** Such as http://127.0.0.1:9100. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Serves /livez, /readyz and /metrics on a listener of their own, never the clients'. */
export async function startAdminServer(
  listen: string,
  registry: Registry,
  probes: Probes,
): Promise<AdminServer> {
  const server = createServer(adminApp(registry, probes));
  const { host, port } = splitHostPort(listen);
  server.listen(port, host);
  await once(server, 'listening');
  const bound = server.address() as AddressInfo;
  return {
    url: `http://${bracketed(bound.address)}:${String(bound.port)}`,
    stop: () => stopHttpServer(server),
  };
}

function adminApp(registry: Registry, probes: Probes): Express {
  const app = express();
  app.disable('x-powered-by');
  app.get('/livez', (_request, response) => {
    response.status(probes.live() ? 200 : 503).json({ live: probes.live() });
  });
  app.get('/readyz', (_request, response) => {
    const because = probes.notReadyBecause();
    response
      .status(because.length === 0 ? 200 : 503)
      .json({ ready: because.length === 0, because });
  });
  app.get('/metrics', async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  return app;
}

/** Stops listening and ends what is still open. */
export async function stopHttpServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

/** `[::1]:80` or `127.0.0.1:80` in its parts. */
export function splitHostPort(hostPort: string): { host: string; port: number } {
  const colon = hostPort.lastIndexOf(':');
  const host = hostPort.slice(0, colon).replace(/^\[|\]$/g, '');
  return { host, port: Number(hostPort.slice(colon + 1)) };
}

/** A host as a URL writes it. */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
