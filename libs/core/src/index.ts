export { ERRORS, SluiceError, hasCode, isErrorCode, notFound } from './errors.js';
export type { ErrorCode, ErrorDetails } from './errors.js';
export { HOST_REASONS, isByHost } from './host-reasons.js';
export { ConnectionId, NodeId, RouterId, SessionId } from './ids.js';
export {
  DEFAULT_PURPOSE,
  NAME_MAX_CHARACTERS,
  describeStream,
  fromSubjectToken,
  parseName,
  parseStreamKey,
  streamKey,
  subjectToken,
} from './stream-name.js';
export type { StreamKey, StreamName } from './stream-name.js';
export { sdpStreamId } from './sdp-stream-id.js';
export { ingestAddress } from './ingest-url.js';
export { Resource } from './resource.js';
export type { Closable, CloseReason, ResourceEvents } from './resource.js';
export { Rollback } from './rollback.js';
export { SingleFlight } from './single-flight.js';
export { Serial } from './serial.js';
export { systemClock } from './clock.js';
export type { Clock, Random, Timer } from './clock.js';
export { Lifecycle } from './lifecycle.js';
export type { StepResult } from './lifecycle.js';
export { TokenBucket } from './token-bucket.js';
