export { Negotiation, checkCandidate, sessionIdOf } from './negotiation.js';
export type * from './negotiation-types.js';
export { SdpError } from './errors.js';
export type { SdpErrorCode } from './errors.js';
