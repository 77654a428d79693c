import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';

/** PEM contents for mutual TLS between our own services. */
export interface MutualTls {
  readonly ca: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
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
  return ChannelCredentials.createSsl(tls.ca, tls.key, tls.certificate);
}
