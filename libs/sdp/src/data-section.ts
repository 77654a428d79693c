import { SdpError } from './errors.js';
import { OLD_SCTP_PROTOCOL } from './m-line.js';
import type { MediaSection } from './session-description.js';

const SCTP_PROTOCOLS = ['UDP/DTLS/SCTP', 'TCP/DTLS/SCTP'];
const SCTP_PORT = /^[1-9]\d{0,4}$/;
const DECIMAL = /^\d{1,19}$/;
/** Of a client that says nothing of it (RFC 8841 §6.1). */
const DEFAULT_MAX_MESSAGE_BYTES = 65_536;

/** Whether an m-line is for data channels, in today's form or in the one before RFC 8841. */
export function isDataSection(section: MediaSection): boolean {
  if (section.protocol === OLD_SCTP_PROTOCOL) {
    const [port = ''] = section.formats;
    const [mapped, application] = section.attributes.first('sctpmap')?.split(' ') ?? [];
    return SCTP_PORT.test(port) && mapped === port && application === 'webrtc-datachannel';
  }
  return (
    SCTP_PROTOCOLS.includes(section.protocol) &&
    section.formats.includes('webrtc-datachannel') &&
    SCTP_PORT.test(section.attributes.first('sctp-port') ?? '5000')
  );
}

/**
 * The largest message that the client takes.
 *
 * @throws {SdpError}
 */
export function readMaxMessageBytes(section: MediaSection): number {
  const text = section.attributes.first('max-message-size');
  if (text === undefined) return DEFAULT_MAX_MESSAGE_BYTES;
  if (!DECIMAL.test(text)) {
    throw new SdpError('MALFORMED', 'malformed a=max-message-size', section.index);
  }
  const bytes = Number(text);
  return bytes === 0 ? Infinity : bytes;
}
