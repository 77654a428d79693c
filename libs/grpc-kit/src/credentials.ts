import { checkServerIdentity } from 'node:tls';
import { ChannelCredentials, ServerCredentials, experimental } from '@grpc/grpc-js';

/** PEM contents. */
export interface Certificates {
  readonly ca: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
}

/** Mutual TLS between our own services, whose certificates may change while they run. */
export interface MutualTls extends Certificates {
  /**
   * A name that every service's certificate carries, for services whose address no certificate can
   * name beforehand. Undefined: the certificate must name the address that was dialled.
   */
  readonly serverName?: string | undefined;
  /** Tells of each change; connections that are open stay as they are. */
  readonly onChanged?: (listener: (now: Certificates) => void) => () => void;
}

/** mTLS where configured; clear text otherwise, which configuration allows on loopback only. */
export function serverCredentials(tls: MutualTls | undefined): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  const provider = providerOf(tls);
  return experimental.createCertificateProviderServerCredentials(provider, provider, true);
}

/** The client's half of {@link serverCredentials}. */
export function channelCredentials(tls: MutualTls | undefined): ChannelCredentials {
  if (!tls) return ChannelCredentials.createInsecure();
  const provider = providerOf(tls);
  const { serverName } = tls;
  return experimental.createCertificateProviderChannelCredentials(
    provider,
    provider,
    serverName === undefined
      ? undefined
      : { checkServerIdentity: (_dialled, shown) => checkServerIdentity(serverName, shown) },
  );
}

type CaListener = experimental.CaCertificateUpdateListener;
type IdentityListener = experimental.IdentityCertificateUpdateListener;

/** What grpc-js asks for certificates. It follows them only while a server or channel listens. */
function providerOf(tls: MutualTls): experimental.CertificateProvider {
  const caListeners = new Set<CaListener>();
  const identityListeners = new Set<IdentityListener>();
  let unfollow: (() => void) | undefined;
  const tell = ({ ca, certificate, key }: Certificates) => {
    for (const listener of caListeners) listener({ caCertificate: ca });
    for (const listener of identityListeners) listener({ certificate, privateKey: key });
  };
  const follow = () => {
    const wanted = caListeners.size + identityListeners.size > 0;
    if (wanted) unfollow ??= tls.onChanged?.(tell);
    else {
      unfollow?.();
      unfollow = undefined;
    }
  };
  return {
    addCaCertificateListener(listener) {
      caListeners.add(listener);
      follow();
      process.nextTick(listener, { caCertificate: tls.ca });
    },
    removeCaCertificateListener(listener) {
      caListeners.delete(listener);
      follow();
    },
    addIdentityCertificateListener(listener) {
      identityListeners.add(listener);
      follow();
      process.nextTick(listener, { certificate: tls.certificate, privateKey: tls.key });
    },
    removeIdentityCertificateListener(listener) {
      identityListeners.delete(listener);
      follow();
    },
  };
}
