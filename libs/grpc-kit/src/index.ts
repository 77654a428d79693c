export { fromStatus, toStatus } from './status.js';
export { MAX_MESSAGE_BYTES, bidiStream, serverStream, startGrpcServer, unary } from './server.js';
export { manyWatches } from './many-watches.js';
export type { CallContext, GrpcServer, ReportError } from './server.js';
export { CLIENT_OPTIONS, ClientPool, callUnary, responsesOf } from './client.js';
export type { UnaryDefinition } from './client.js';
export { channelCredentials, serverCredentials } from './credentials.js';
export type { Certificates, MutualTls } from './credentials.js';
export { directoryTarget } from './directory-target.js';
