export { isSignedWith, isStun, parseStun, type IceRole, type StunMessage } from './read.js';
export type { UdpAddress } from './udp-address.js';
export {
  ROLE_CONFLICT,
  writeBindingRequest,
  writeCheck,
  writeRoleConflict,
  writeSuccess,
  type Check,
} from './write.js';
