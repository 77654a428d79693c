import { ATTRIBUTE, attribute } from './attributes.js';
import { header, type StunType } from './header.js';
import { maskedAddress } from './mapped-address.js';
import type { IceRole, StunMessage } from './read.js';
import { signed } from './signature.js';
import type { UdpAddress } from './udp-address.js';

/** RFC 8445 §7.3.1.1: both sides think that they have the same role. */
export const ROLE_CONFLICT = 487;

/** Asks a STUN server, who wants no credentials, where it sees us. */
export function writeBindingRequest(transactionId: Buffer): Buffer {
  return header('request', transactionId);
}

export interface Check {
  /** 12 bytes. */
  readonly transactionId: Buffer;
  /** `<the other side's>:<ours>`. */
  readonly username: string;
  /** The other side's. */
  readonly password: string;
  readonly priority: number;
  readonly role: IceRole;
  readonly tieBreaker: bigint;
  readonly nominates: boolean;
}

/** A connectivity check. */
export function writeCheck(check: Check): Buffer {
  const priority = Buffer.alloc(4);
  priority.writeUInt32BE(check.priority);
  const tieBreaker = Buffer.alloc(8);
  tieBreaker.writeBigUInt64BE(check.tieBreaker);
  const role = check.role === 'controlling' ? ATTRIBUTE.iceControlling : ATTRIBUTE.iceControlled;
  const attributes = [
    attribute(ATTRIBUTE.username, Buffer.from(check.username)),
    attribute(ATTRIBUTE.priority, priority),
    attribute(role, tieBreaker),
    ...(check.nominates ? [attribute(ATTRIBUTE.useCandidate, Buffer.alloc(0))] : []),
  ];
  return written('request', check.transactionId, attributes, check.password);
}

/** Our answer to a check that came from `from`. */
export function writeSuccess(request: StunMessage, from: UdpAddress, password: string): Buffer {
  const transactionId = Buffer.from(request.transactionId, 'hex');
  const mapped = attribute(ATTRIBUTE.xorMappedAddress, maskedAddress(from, transactionId));
  return written('success', transactionId, [mapped], password);
}

export function writeRoleConflict(request: StunMessage, password: string): Buffer {
  const error = Buffer.from([0, 0, Math.floor(ROLE_CONFLICT / 100), ROLE_CONFLICT % 100]);
  const attributes = [attribute(ATTRIBUTE.errorCode, error)];
  return written('error', Buffer.from(request.transactionId, 'hex'), attributes, password);
}

function written(
  type: StunType,
  transactionId: Buffer,
  attributes: readonly Buffer[],
  password: string,
): Buffer {
  return signed(Buffer.concat([header(type, transactionId), ...attributes]), password);
}
