export {
  CANDIDATE_MAX_CHARACTERS,
  CLOSE_CODES,
  DEFAULT_PURPOSE,
  FRAME_MAX_BYTES,
  JSON_MAX_DEPTH,
  NAME_MAX_CHARACTERS,
} from './limits.js';
export { fromWireParticipant, name, participantId, toWireParticipant } from './names.js';
export type { WireParticipant } from './names.js';
export { CLIENT_MESSAGE_TYPES, clientMessage } from './client-messages.js';
export type {
  ClientMessage,
  ClientMessageInput,
  ClientMessageOf,
  ClientMessageType,
  RequestId,
} from './client-messages.js';
export { serverMessage } from './server-messages.js';
export type {
  ServerMessage,
  ServerMessageOf,
  ServerMessageType,
  WirePublisher,
  WireSubscriptionStats,
  WireTrack,
  WireUser,
} from './server-messages.js';
export {
  DRAIN_DEADLINE_DEFAULT_MS,
  DRAIN_DEADLINE_MAX_MS,
  TOKEN_TTL_MAX_SECONDS,
  answerRequest,
  drainRequest,
  lockRequest,
  muteRequest,
  nodeRow,
  offerRequest,
  offerResponse,
  parseStreamPath,
  problem,
  relayRow,
  sessionRequest,
  sessionResponse,
  streamPath,
  streamRow,
  tokenRequest,
  tokenResponse,
} from './http-bodies.js';
export type {
  DrainRequestBody,
  OfferResponseBody,
  NodeRow,
  Problem,
  RelayRow,
  SessionRequestBody,
  SessionResponseBody,
  StreamRow,
  TokenRequestBody,
  TokenResponseBody,
} from './http-bodies.js';
export { ingestRequest, ingestRow } from './ingest-bodies.js';
export type { IngestRequestBody, IngestRow } from './ingest-bodies.js';
export { isDeeperThan, parseClientFrame } from './parse-frame.js';
export type { ParsedFrame } from './parse-frame.js';
export {
  SIGNALING_LABEL,
  parseSignalingMessage,
  writeSignalingMessage,
} from './signaling-messages.js';
export type { ParsedSignalingMessage, SignalingMessage } from './signaling-messages.js';
