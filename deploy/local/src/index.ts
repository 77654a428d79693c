export { Cluster, startCluster } from './cluster.js';
export type { ClusterOptions, RunningService } from './cluster.js';
export type { Ready, ReadyService } from './announcement.js';
export type { Environment } from './environment.js';
export type { Addresses, ServiceExit } from './service-process.js';
