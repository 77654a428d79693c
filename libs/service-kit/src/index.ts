export {
  COMMON_VARIABLES,
  ConfigurationError,
  grpcTls,
  hostPort,
  isLoopback,
  port,
  readEnvironment,
  secret,
} from './configuration.js';
export type { Environment } from './configuration.js';
export { createLogger } from './logger.js';
export type { Logger } from './logger.js';
export { bracketed, splitHostPort, startAdminServer, stopHttpServer } from './admin-server.js';
export type { AdminServer, Probes } from './admin-server.js';
export { runService } from './main.js';
export type { RunningService } from './main.js';
export { timed } from './timed.js';
export type { TimedCall } from './timed.js';
