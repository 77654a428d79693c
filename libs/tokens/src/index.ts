export { GRANTS, grantsOf, mayEnter } from './claims.js';
export type { Grants, Identity } from './claims.js';
export { AccessTokens } from './access-tokens.js';
export type { AccessTokenOptions, TokenRequest } from './access-tokens.js';
export { Sealer, relayTickets, resourceNames, resumeTokens, serialOf } from './sealed.js';
export type { RelayTicket, ResourceContent, ResumeContent } from './sealed.js';
export { SecretBox, ingestUrls } from './secret-box.js';
