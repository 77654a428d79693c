export {
  COMMON_VARIABLES,
  ConfigurationError,
  hostPort,
  isLoopback,
  port,
  readEnvironment,
  secret,
} from './configuration.js';
export type { Environment } from './configuration.js';
export { CertificateWatch } from './certificate-watch.js';
export type { CertificateObserver, ConfiguredCertificates } from './certificate-watch.js';
export { grpcTls, natsAccess, serverTls } from './tls-configuration.js';
export type { GrpcTls } from './tls-configuration.js';
export { certificateGauge, watchCertificates, watchGrpcTls } from './watch-certificates.js';
export type { CertificateGauge, CertificateUse } from './watch-certificates.js';
export { createLogger } from './logger.js';
export type { Logger } from './logger.js';
export { bracketed, splitHostPort, startAdminServer, stopHttpServer } from './admin-server.js';
export type { AdminServer, Probes } from './admin-server.js';
export { runService } from './main.js';
export type { RunningService } from './main.js';
export {
  TargetPolicy,
  TargetRefusal,
  guardedLookup,
  networkList,
  networksIn,
} from './target-policy.js';
export { timed } from './timed.js';
export type { TimedCall } from './timed.js';
