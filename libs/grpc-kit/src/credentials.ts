import { checkServerIdentity } from 'node:tls';
import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';

/** PEM contents for mutual TLS between our own services. */
export interface MutualTls {
  readonly ca: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
  /**
   * A name that every service's certificate carries, for services whose address no certificate can
   * name beforehand. Undefined: the certificate must name the address that was dialled.
   */
  readonly serverName?: string | undefined;
}

/** mTLS where configured; clear text otherwise, which configuration allows on loopback only. */
export function serverCredentials(tls: MutualTls | undefined): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  return ServerCredentials.createSsl(
    tls.ca,
    [{ private_key: tls.key, cert_chain: tls.certificate }],
    true,
  );
}

/** The client's half of {@link serverCredentials}. */
export function channelCredentials(tls: MutualTls | undefined): ChannelCredentials {
  if (!tls) return ChannelCredentials.createInsecure();
  const { ca, key, certificate, serverName } = tls;
  if (serverName === undefined) return ChannelCredentials.createSsl(ca, key, certificate);
  return ChannelCredentials.createSsl(ca, key, certificate, {
    checkServerIdentity: (_dialled, presented) => checkServerIdentity(serverName, presented),
  });
}
