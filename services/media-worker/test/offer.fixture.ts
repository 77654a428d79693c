const TRANSPORT = [
  'a=ice-ufrag:abcd',
  'a=ice-pwd:abcdefghijklmnopqrstuvwx',
  `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => 'AB').join(':')}`,
];

/** An offer as a browser makes it, of one m-line for each of `kinds`. */
export function offerOf(kinds: readonly ('audio' | 'video')[], sessionId = '4711'): string {
  const mids = kinds.map((_, index) => String(index)).join(' ');
  return [
    'v=0',
    `o=- ${sessionId} 2 IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    `a=group:BUNDLE ${mids}`,
    ...kinds.flatMap((kind, index) => mLine(kind, index)),
    '',
  ].join('\r\n');
}

function mLine(kind: 'audio' | 'video', index: number): string[] {
  const [payloadType, codec] = kind === 'audio' ? ['111', 'opus/48000/2'] : ['96', 'VP8/90000'];
  return [
    `m=${kind} 9 UDP/TLS/RTP/SAVPF ${payloadType}`,
    'c=IN IP4 0.0.0.0',
    ...TRANSPORT,
    'a=setup:actpass',
    `a=mid:${String(index)}`,
    'a=sendonly',
    'a=rtcp-mux',
    `a=rtpmap:${payloadType} ${codec}`,
    `a=ssrc:${String(1_000 + index)} cname:test`,
  ];
}

/** An answer that takes every m-line of our offer, or rejects those of `rejected` kinds. */
export function answerTo(offer: string, rejected: readonly string[] = []): string {
  const [, ...sections] = offer.split('\r\nm=');
  const taken = sections.map((section) => {
    const [first = '', ...attributes] = section.trimEnd().split('\r\n');
    const [kind = '', , ...rest] = first.split(' ');
    const mid = attributes.find((line) => line.startsWith('a=mid:')) ?? '';
    const alive = !rejected.includes(kind);
    const codecs = attributes.filter((line) => /^a=(rtpmap|fmtp|rtcp-fb):/.test(line));
    return { kind, rest, mid, alive, codecs };
  });
  const bundle = taken.filter(({ alive }) => alive).map(({ mid }) => mid.slice('a=mid:'.length));
  return [
    'v=0',
    'o=- 99 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    ...(bundle.length > 0 ? [`a=group:BUNDLE ${bundle.join(' ')}`] : []),
    ...taken.flatMap(({ kind, rest, mid, alive, codecs }) => [
      `m=${kind} ${alive ? '9' : '0'} ${rest.join(' ')}`,
      'c=IN IP4 0.0.0.0',
      mid,
      ...(alive
        ? [...TRANSPORT, 'a=setup:active', 'a=recvonly', 'a=rtcp-mux', ...codecs]
        : ['a=inactive']),
    ]),
    '',
  ].join('\r\n');
}
