import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { Server as TlsServer, createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { bracketed, splitHostPort, type CertificateWatch } from '@sluice/service-kit';

/** Against clients that send their request byte by byte, or a header without an end. */
const HTTP_LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16 * 1024,
} as const;

/** For one that connects and says nothing of TLS. */
const HANDSHAKE_TIMEOUT_MS = 5_000;

type Shown = Pick<CertificateWatch, 'certificate' | 'key'>;

/** HTTPS where there is a certificate; connections that are open keep the one they came with. */
export function createClientServer(
  tls: CertificateWatch | undefined,
  answer: RequestListener,
): Server {
  if (!tls) return createServer(HTTP_LIMITS, answer);
  const contextOf = ({ certificate, key }: Shown) => ({ cert: certificate, key });
  const server = createTlsServer(
    { ...HTTP_LIMITS, ...contextOf(tls), handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
    answer,
  );
  const forget = tls.onChanged((now) => server.setSecureContext(contextOf(now)));
  server.once('close', forget);
  return server;
}

/** Such as https://127.0.0.1:8443, with the port that was really bound. */
export async function listen(server: Server, hostPort: string): Promise<string> {
  const { host, port } = splitHostPort(hostPort);
  server.listen(port, host);
  await once(server, 'listening');
  const bound = server.address() as AddressInfo;
  const scheme = server instanceof TlsServer ? 'https' : 'http';
  return `${scheme}://${bracketed(bound.address)}:${String(bound.port)}`;
}
