/** Of RFC 8489; the one method that is known here is Binding. */
export const MAGIC_COOKIE = 0x2112a442;
export const HEADER_BYTES = 20;
export const TYPES = {
  request: 0x0001,
  indication: 0x0011,
  success: 0x0101,
  error: 0x0111,
} as const;

export type StunType = keyof typeof TYPES;

/** Says that nothing follows; whoever appends counts anew. */
export function header(type: StunType, transactionId: Buffer): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt16BE(TYPES[type], 0);
  bytes.writeUInt32BE(MAGIC_COOKIE, 4);
  transactionId.copy(bytes, 8);
  return bytes;
}

export function typeOf(code: number): StunType | undefined {
  return (Object.keys(TYPES) as StunType[]).find((type) => TYPES[type] === code);
}
