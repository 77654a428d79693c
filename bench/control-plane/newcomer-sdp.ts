import { randomBytes } from 'node:crypto';

const random = (bytes: number) => randomBytes(bytes).toString('hex');
const randomSsrc = () => 1 + Math.floor(Math.random() * (2 ** 32 - 2));

/** Of a certificate that nobody has: no DTLS ever starts. */
const FINGERPRINT = Array.from({ length: 32 }, (_, index) =>
  index.toString(16).padStart(2, '0').toUpperCase(),
).join(':');

const HEADER = ['s=-', 't=0 0'];

function transportLines(setup: 'actpass' | 'active'): readonly string[] {
  return [
    'c=IN IP4 0.0.0.0',
    `a=ice-ufrag:${random(4)}`,
    `a=ice-pwd:${random(16)}`,
    `a=fingerprint:sha-256 ${FINGERPRINT}`,
    `a=setup:${setup}`,
    'a=rtcp-mux',
  ];
}

function sentTrack(ssrc: number): readonly string[] {
  return ['a=sendonly', `a=msid:stream track-${ssrc}`, `a=ssrc:${ssrc} cname:newcomer`];
}

/** The offer of a client that sends sound and a picture, as browsers make it, but for its length. */
export function newOffer(): string {
  const transport = transportLines('actpass');
  return lines([
    'v=0',
    `o=- ${randomSsrc()} 2 IN IP4 127.0.0.1`,
    ...HEADER,
    'a=group:BUNDLE 0 1',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111',
    ...transport,
    'a=mid:0',
    ...sentTrack(randomSsrc()),
    'a=rtpmap:111 opus/48000/2',
    'a=rtcp-fb:111 transport-cc',
    'a=fmtp:111 minptime=10;useinbandfec=1',
    'm=video 9 UDP/TLS/RTP/SAVPF 96',
    ...transport,
    'a=mid:1',
    ...sentTrack(randomSsrc()),
    'a=rtpmap:96 VP8/90000',
    'a=rtcp-fb:96 goog-remb',
    'a=rtcp-fb:96 transport-cc',
    'a=rtcp-fb:96 ccm fir',
    'a=rtcp-fb:96 nack',
    'a=rtcp-fb:96 nack pli',
  ]);
}

/** The server's own lines, which an answer does not repeat. */
const NOT_REPEATED =
  /^(o|s|t|c)=|^a=(ice-|fingerprint|setup|candidate|end-of-candidates|ssrc|msid|sendonly|sendrecv|rtcp-mux|rtcp-rsize)/;

/** A client's answer that takes everything which `offer` sends. */
export function answerTo(offer: string): string {
  const transport = transportLines('active');
  const own = ['v=0', `o=- ${randomSsrc()} 2 IN IP4 127.0.0.1`, ...HEADER];
  const kept = offer
    .split(/\r?\n/)
    .filter((line) => line !== '' && line !== 'v=0' && !NOT_REPEATED.test(line))
    .flatMap((line) => (line.startsWith('m=') ? [line, ...transport, 'a=recvonly'] : [line]));
  return lines([...own, ...kept]);
}

function lines(all: readonly string[]): string {
  return `${all.join('\r\n')}\r\n`;
}
