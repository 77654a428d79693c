import { generateRouterRtpCapabilities } from 'mediasoup/ortc';
import { parse } from 'sdp-transform';
import { describe, expect, it } from 'vitest';
import { SdpError, type SdpErrorCode } from './errors.js';
import {
  MEDIA_CODECS,
  SCTP_PARAMETERS,
  aDescription,
  aTransport,
  anOutgoingTrack,
  clientTransport,
  hex,
  type ModelSection,
} from './fixtures.js';
import { Negotiation } from './negotiation.js';
import type { NegotiationOptions } from './negotiation-types.js';

const ROUTER = generateRouterRtpCapabilities(MEDIA_CODECS);
const AUDIO: ModelSection = { mid: '0', kind: 'audio', lines: ['a=ssrc:1 cname:c'] };
const VIDEO: ModelSection = { mid: '1', kind: 'video', lines: ['a=ssrc:2 cname:c'] };

function aNegotiation(given: Partial<NegotiationOptions> = {}): Negotiation {
  return new Negotiation({ transport: aTransport(), routerRtpCapabilities: ROUTER, ...given });
}

function errorOf(action: () => unknown): SdpError {
  try {
    action();
  } catch (error) {
    if (error instanceof SdpError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

function codeOf(sdp: string, negotiation = aNegotiation()): SdpErrorCode {
  return errorOf(() => negotiation.receiveOffer(sdp)).code;
}

function mLines(sdp: string): string[] {
  return parse(sdp).media.map(({ type, port, mid, direction }) =>
    [type, port, mid, direction].filter((part) => part !== undefined).join(' '),
  );
}

/** An audio and a video track on which the client and we agree. */
function published(): Negotiation {
  const negotiation = aNegotiation();
  negotiation.receiveOffer(aDescription([AUDIO, VIDEO]));
  negotiation.answer();
  return negotiation;
}

/** The answer of a client that takes all of an offer. */
function clientAnswer(
  offer: string,
  given: Readonly<Record<string, Partial<ModelSection>>> = {},
): string {
  const sections = parse(offer).media.map((media): ModelSection => {
    const mid = String(media.mid);
    return {
      mid,
      kind: media.type as ModelSection['kind'],
      stopped: media.port === 0,
      direction: media.direction === 'sendonly' ? 'recvonly' : 'sendonly',
      lines: media.rtp.map(
        ({ payload, codec, rate }) => `a=rtpmap:${payload} ${codec}/${rate ?? 0}`,
      ),
      ...given[mid],
    };
  });
  return aDescription(sections, clientTransport('clientufrag', 'active'));
}

describe('an offer of the client', () => {
  it('is of the same PeerConnection by its session id or by its ICE credentials', () => {
    const offer = aDescription([AUDIO]);
    const otherSession = (sdp: string) => sdp.replace('o=- 46116', 'o=- 99');
    const restarted = aDescription([AUDIO], clientTransport('restarted'));
    expect(aNegotiation().continues(offer)).toBe(false);
    const negotiation = published();
    expect(negotiation.continues(offer)).toBe(true);
    expect(negotiation.continues(otherSession(offer))).toBe(true);
    expect(negotiation.continues(restarted)).toBe(true);
    expect(negotiation.continues(otherSession(restarted))).toBe(false);
    expect(() => negotiation.continues('v=1')).toThrow(SdpError);
  });

  it('hears of the transport on declined m-lines too, which some clients insist on', () => {
    const negotiation = aNegotiation();
    const data: ModelSection = { mid: '1', kind: 'application' };
    negotiation.receiveOffer(aDescription([AUDIO, data]));
    const [audio, declined] = parse(negotiation.answer()).media;
    expect(declined?.port).toBe(0);
    expect(declined?.fingerprint).toEqual(audio?.fingerprint);
    expect(declined?.setup).toBe(audio?.setup);
    expect(declined?.iceUfrag).toBe(audio?.iceUfrag);
    expect(declined?.candidates).toBeUndefined();
  });

  it('adds its tracks and says how to connect', () => {
    const negotiation = aNegotiation();
    const offer = negotiation.receiveOffer(aDescription([AUDIO, VIDEO]));
    expect(negotiation.state).toBe('have-remote-offer');
    expect(offer.connect).toEqual({
      role: 'server',
      fingerprints: [{ algorithm: 'sha-256', value: hex('AB', 32) }],
    });
    expect(offer.added.map(({ mid, kind }) => [mid, kind])).toEqual([
      ['0', 'audio'],
      ['1', 'video'],
    ]);
    const answer = negotiation.answer();
    expect(negotiation.state).toBe('stable');
    expect(mLines(answer)).toEqual(['audio 9 0 recvonly', 'video 9 1 recvonly']);
    expect(answer).toContain('a=setup:active\r\n');
    expect(answer).toContain('a=ice-lite\r\n');
    expect(answer.match(/a=candidate:.* typ host( tcptype passive)?\r\n/g)).toHaveLength(2);
    expect(answer).toContain('a=end-of-candidates\r\n');
  });

  it.each([
    ['active', 'client', 'passive'],
    ['passive', 'server', 'active'],
  ])('with setup:%s is connected to as %s and answered with %s', (setup, role, answered) => {
    const negotiation = aNegotiation();
    const sdp = aDescription([AUDIO], clientTransport('clientufrag', setup));
    expect(negotiation.receiveOffer(sdp).connect?.role).toBe(role);
    expect(negotiation.answer()).toContain(`a=setup:${answered}\r\n`);
    // The roles stay, also where the client leaves the choice to us again.
    negotiation.receiveOffer(aDescription([AUDIO]));
    expect(negotiation.answer()).toContain(`a=setup:${answered}\r\n`);
  });

  it('that changes nothing changes nothing', () => {
    const negotiation = published();
    const again = negotiation.receiveOffer(aDescription([AUDIO, VIDEO]));
    expect(again).toMatchObject({ added: [], removed: [], rejected: [], iceRestart: false });
    expect(again.connect).toBeUndefined();
  });

  it('may add, stop and re-use m-lines', () => {
    const negotiation = published();
    const more = negotiation.receiveOffer(
      aDescription([
        AUDIO,
        { ...VIDEO, direction: 'inactive' },
        { ...AUDIO, mid: '2', lines: ['a=ssrc:3 cname:c'] },
      ]),
    );
    expect(more.removed).toEqual(['1']);
    expect(more.added.map(({ mid }) => mid)).toEqual(['2']);
    expect(mLines(negotiation.answer())[1]).toBe('video 9 1 inactive');
    const stopped = negotiation.receiveOffer(
      aDescription([AUDIO, { ...VIDEO, stopped: true }, { ...AUDIO, mid: '2', stopped: true }]),
    );
    expect(stopped.removed).toEqual(['2']);
    expect(mLines(negotiation.answer())).toEqual([
      'audio 9 0 recvonly',
      'video 0 1 inactive',
      'audio 0 2 inactive',
    ]);
    const reused = negotiation.receiveOffer(
      aDescription([
        AUDIO,
        { ...AUDIO, mid: '7', lines: ['a=ssrc:4 cname:c'] },
        { ...AUDIO, mid: '2', stopped: true },
      ]),
    );
    expect(reused.added.map(({ mid, kind }) => [mid, kind])).toEqual([['7', 'audio']]);
  });

  it('that puts another track on an m-line removes one and adds one', () => {
    const negotiation = published();
    const other = negotiation.receiveOffer(
      aDescription([AUDIO, { ...VIDEO, lines: ['a=ssrc:99 cname:c'] }]),
    );
    expect(other.removed).toEqual(['1']);
    expect(other.added.map(({ rtpParameters }) => rtpParameters.encodings)).toEqual([
      [{ ssrc: 99 }],
    ]);
  });

  it('when refused leaves all as it was', () => {
    const negotiation = published();
    const sdp = aDescription([AUDIO, { ...VIDEO, stopped: true }]);
    negotiation.receiveOffer(sdp);
    negotiation.refuseOffer();
    expect(negotiation.state).toBe('stable');
    expect(negotiation.receiveOffer(sdp).removed).toEqual(['1']);
    negotiation.refuseOffer();
    expect(negotiation.receiveOffer(aDescription([AUDIO, VIDEO])).added).toEqual([]);
    expect(errorOf(() => negotiation.receiveOffer(sdp)).code).toBe('WRONG_STATE');
  });

  it('may be accepted in part', () => {
    const negotiation = aNegotiation();
    negotiation.receiveOffer(aDescription([AUDIO, VIDEO]));
    const answer = negotiation.answer({ rejected: new Set(['1']) });
    expect(mLines(answer)).toEqual(['audio 9 0 recvonly', 'video 0 1 inactive']);
    expect(answer).toContain('a=group:BUNDLE 0\r\n');
    const none = aNegotiation();
    none.receiveOffer(aDescription([AUDIO]));
    expect(none.answer({ rejected: new Set(['0']) })).toContain('a=group:BUNDLE\r\n');
  });

  it('restarts ICE by new credentials', () => {
    const negotiation = published();
    const restart = negotiation.receiveOffer(
      aDescription([AUDIO, VIDEO], clientTransport('other')),
    );
    expect(restart.iceRestart).toBe(true);
    expect(() => negotiation.answer()).toThrow(TypeError);
    const answer = negotiation.answer({
      iceParameters: { usernameFragment: 'newufrag', password: 'newpasswordnewpassword1' },
    });
    expect(answer).toContain('a=ice-ufrag:newufrag\r\n');
    expect(negotiation.offerNeeded).toBe(false);
  });

  it('opens data channels only where the transport has SCTP, and once', () => {
    const sections: ModelSection[] = [
      { mid: 'a', kind: 'application' },
      { mid: 'b', kind: 'application' },
    ];
    const open = aNegotiation({ transport: aTransport({ sctpParameters: SCTP_PARAMETERS }) });
    expect(open.receiveOffer(aDescription(sections)).data).toBe(true);
    const answer = open.answer();
    expect(mLines(answer)).toEqual(['application 9 a', 'application 0 b inactive']);
    expect(answer).toContain('a=sctp-port:5000\r\na=max-message-size:262144\r\n');
    const shut = aNegotiation();
    expect(shut.receiveOffer(aDescription(sections)).data).toBe(false);
    expect(mLines(shut.answer())).toEqual(['application 0 a inactive', 'application 0 b inactive']);
  });

  it('opens data channels in the form before RFC 8841, as aiortc offers them', () => {
    const open = aNegotiation({ transport: aTransport({ sctpParameters: SCTP_PARAMETERS }) });
    const sdp = aDescription([{ mid: 'a', kind: 'application' }])
      .replace(/^m=application .*$/m, 'm=application 9 DTLS/SCTP 5000')
      .replace(/^a=sctp-port:.*$/m, 'a=sctpmap:5000 webrtc-datachannel 65535');
    expect(open.receiveOffer(sdp).data).toBe(true);
    const answer = open.answer();
    expect(answer).toContain('m=application 9 DTLS/SCTP 5000\r\n');
    expect(answer).toMatch(/^a=sctpmap:5000 webrtc-datachannel \d+\r$/m);
    expect(answer).not.toContain('sctp-port');
    const other = aNegotiation({ transport: aTransport({ sctpParameters: SCTP_PARAMETERS }) });
    expect(other.receiveOffer(sdp.replace('sctpmap:5000', 'sctpmap:1')).data).toBe(false);
  });

  it('with bundle-only m-lines of port 0 has them alive', () => {
    const sdp = aDescription([
      AUDIO,
      { ...VIDEO, lines: ['a=bundle-only', 'a=ssrc:2 cname:c'] },
    ]).replace('m=video 9', 'm=video 0');
    expect(
      aNegotiation()
        .receiveOffer(sdp)
        .added.map(({ mid }) => mid),
    ).toEqual(['0', '1']);
  });

  it('has m-lines outside of the BUNDLE rejected', () => {
    const negotiation = aNegotiation();
    const sdp = aDescription([AUDIO, VIDEO]).replace('BUNDLE 0 1', 'BUNDLE 0');
    expect(negotiation.receiveOffer(sdp).added.map(({ mid }) => mid)).toEqual(['0']);
    expect(mLines(negotiation.answer())[1]).toBe('video 0 1 inactive');
  });

  it('has what is no codec of ours rejected', () => {
    const negotiation = aNegotiation();
    const lines = ['a=rtpmap:63 red/48000/2', 'a=fmtp:63 111/111', 'a=rtpmap:13 CN/8000'];
    negotiation.receiveOffer(aDescription([AUDIO, { ...AUDIO, mid: 'r', lines }]));
    expect(mLines(negotiation.answer())[1]).toBe('audio 0 r inactive');
  });

  it('with one m-line needs no BUNDLE', () => {
    const sdp = aDescription([AUDIO]).replace('a=group:BUNDLE 0\r\n', '');
    const negotiation = aNegotiation();
    expect(negotiation.receiveOffer(sdp).added).toHaveLength(1);
    expect(negotiation.answer()).not.toContain('a=group');
  });
});

describe('an offer is refused', () => {
  const good = aDescription([AUDIO, VIDEO]);
  it.each<[string, string, SdpErrorCode]>([
    ['without fingerprint', good.replace(/a=fingerprint.*\r\n/g, ''), 'UNSUPPORTED'],
    [
      'with SDES instead',
      good.replace(/a=fingerprint.*\r\n/g, 'a=crypto:1 X inline:y\r\n'),
      'UNSUPPORTED',
    ],
    [
      'with an empty fingerprint',
      good.replace(/(a=fingerprint:sha-256) .*\r\n/g, '$1 \r\n'),
      'MALFORMED',
    ],
    ['with a short fingerprint', good.replaceAll(hex('AB', 32), hex('AB', 20)), 'MALFORMED'],
    [
      'with a fingerprint by SHA-1 alone',
      good.replaceAll(`sha-256 ${hex('AB', 32)}`, `sha-1 ${hex('AB', 20)}`),
      'UNSUPPORTED',
    ],
    ['with a fingerprint by a hash unknown', good.replaceAll('sha-256', 'sha-257'), 'UNSUPPORTED'],
    ['without ICE', good.replace(/a=ice-ufrag.*\r\n/g, ''), 'MALFORMED'],
    [
      'with a short ICE password',
      good.replaceAll('clientpwdclientpwdclientpwd', 'short'),
      'MALFORMED',
    ],
    ['with ICE that is no ICE', good.replaceAll('clientufrag', 'cli ent'), 'MALFORMED'],
    ['without setup', good.replace(/a=setup.*\r\n/g, ''), 'MALFORMED'],
    ['with setup:holdconn', good.replaceAll('actpass', 'holdconn'), 'MALFORMED'],
    ['without rtcp-mux', good.replace('a=rtcp-mux\r\n', ''), 'UNSUPPORTED'],
    ['without BUNDLE', good.replace(/a=group.*\r\n/, ''), 'UNSUPPORTED'],
    [
      'with two BUNDLE groups',
      good.replace(/(a=group:BUNDLE) 0 1\r\n/, '$1 0\r\n$1 1\r\n'),
      'UNSUPPORTED',
    ],
    ['with a BUNDLE of unknown mids', good.replace('BUNDLE 0 1', 'BUNDLE 0 1 2'), 'MALFORMED'],
    ['with one mid twice', good.replace('a=mid:1', 'a=mid:0'), 'MALFORMED'],
    ['without mid', good.replace('a=mid:1\r\n', ''), 'MALFORMED'],
    ['with a mid that is no token', good.replace('a=mid:1', 'a=mid:"1"'), 'MALFORMED'],
    ['with a payload type over 127', good.replace(/(SAVPF) 111/, '$1 128'), 'MALFORMED'],
    ['with a payload type twice', good.replace('SAVPF 111', 'SAVPF 111 111'), 'MALFORMED'],
    ['with one SSRC on two m-lines', good.replace('a=ssrc:2', 'a=ssrc:1'), 'MALFORMED'],
    ['with SSRC 0', good.replace('a=ssrc:2', 'a=ssrc:0'), 'MALFORMED'],
    ['with an SSRC over 32 bits', good.replace('a=ssrc:2', 'a=ssrc:4294967296'), 'MALFORMED'],
  ])('%s', (_how, sdp, code) => {
    const negotiation = aNegotiation();
    expect(codeOf(sdp, negotiation)).toBe(code);
    expect(negotiation.state).toBe('stable');
    expect(negotiation.receiveOffer(good).added).toHaveLength(2);
  });

  it.each<[string, string, SdpErrorCode]>([
    ['drops an m-line', aDescription([AUDIO]), 'MALFORMED'],
    ['swaps m-lines', aDescription([VIDEO, AUDIO]), 'MALFORMED'],
    [
      'changes a kind',
      aDescription(
        [{ ...VIDEO, mid: '0' }, VIDEO].map((section, index) => ({
          ...section,
          lines: [`a=ssrc:${index + 5} cname:c`],
        })),
      ),
      'MALFORMED',
    ],
    [
      'changes the mid of a live m-line',
      aDescription([AUDIO, { ...VIDEO, mid: '9' }]),
      'MALFORMED',
    ],
    [
      'changes its certificate',
      aDescription([AUDIO, VIDEO]).replaceAll(hex('AB', 32), hex('CD', 32)),
      'UNSUPPORTED',
    ],
    [
      'changes its DTLS role',
      aDescription([AUDIO, VIDEO], clientTransport('clientufrag', 'active')),
      'UNSUPPORTED',
    ],
  ])('when it %s', (_how, sdp, code) => {
    expect(codeOf(sdp, published())).toBe(code);
  });
});

describe('the codecs of an answer', () => {
  function answerTo(section: ModelSection): string {
    const negotiation = aNegotiation();
    negotiation.receiveOffer(aDescription([section]));
    return negotiation.answer();
  }

  it('ask for Opus as the client says that it will send it', () => {
    const lines = [
      'a=rtpmap:109 opus/48000/2',
      'a=fmtp:109 minptime=10;useinbandfec=1;usedtx=1;stereo=1;sprop-stereo=1;maxaveragebitrate=96000',
      'a=ssrc:1 cname:c',
    ];
    expect(answerTo({ ...AUDIO, lines })).toContain(
      'a=fmtp:109 minptime=10;useinbandfec=1;usedtx=1;stereo=1\r\n',
    );
  });

  it('match H.264 by profile and packetization mode, and answer the lower level', () => {
    const lines = [
      'a=rtpmap:98 H264/90000',
      'a=fmtp:98 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f',
      'a=rtpmap:99 H264/90000',
      'a=fmtp:99 packetization-mode=1;profile-level-id=42e00d',
      'a=ssrc:1 cname:c',
    ];
    const answer = answerTo({ ...VIDEO, lines });
    expect(answer).toContain('m=video 9 UDP/TLS/RTP/SAVPF 99\r\n');
    expect(answer).toContain('packetization-mode=1;profile-level-id=42e00d');
  });

  it('are one codec and its RTX, the client’s first that we have', () => {
    const lines = [
      'a=rtpmap:116 red/90000',
      'a=rtpmap:45 AV1/90000',
      'a=rtpmap:46 rtx/90000',
      'a=fmtp:46 apt=45',
      'a=rtpmap:96 VP8/90000',
      'a=ssrc:1 cname:c',
    ];
    expect(answerTo({ ...VIDEO, lines })).toContain('m=video 9 UDP/TLS/RTP/SAVPF 45 46\r\n');
  });

  it('prefer one that can be taken apart where layers are offered', () => {
    const lines = [
      'a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid',
      'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
      'a=rtpmap:45 AV1/90000',
      'a=rtpmap:96 VP8/90000',
      'a=rid:a send',
      'a=rid:b send',
      'a=simulcast:send a;b',
    ];
    const answer = answerTo({ ...VIDEO, lines });
    expect(answer).toContain('m=video 9 UDP/TLS/RTP/SAVPF 96\r\n');
    expect(answer).toContain('a=simulcast:recv a;b\r\n');
  });

  it('have TWCC or REMB, whichever has its header extension', () => {
    const feedback = ['goog-remb', 'transport-cc', 'nack', 'nack pli', 'ccm fir', 'x-other'];
    const lines = [
      'a=rtpmap:96 VP8/90000',
      ...feedback.map((type) => `a=rtcp-fb:96 ${type}`),
      'a=ssrc:1 cname:c',
    ];
    const feedbackWith = (...extmaps: string[]) =>
      parse(answerTo({ ...VIDEO, lines: [...lines, ...extmaps] })).media[0]?.rtcpFb?.map(
        ({ type }) => type,
      );
    const remb = 'a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time';
    const twcc =
      'a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';
    expect(feedbackWith(remb, twcc)).toEqual(['transport-cc', 'nack', 'nack', 'ccm']);
    expect(feedbackWith(remb)).toEqual(['goog-remb', 'nack', 'nack', 'ccm']);
    expect(feedbackWith()).toEqual(['nack', 'nack', 'ccm']);
  });

  it('leave out what mediasoup could not tell from other packets', () => {
    // No SSRC, no mid, no rid: nothing says whose a packet is.
    expect(answerTo({ ...VIDEO, lines: [] })).toMatch(/^m=video 0 /m);
  });
});

describe('an offer of ours', () => {
  function offered(): {
    readonly negotiation: Negotiation;
    readonly audio: string;
    readonly video: string;
  } {
    const negotiation = aNegotiation();
    const audio = negotiation.reserve('audio');
    const video = negotiation.reserve('video');
    negotiation.setSending(audio, anOutgoingTrack('audio', audio));
    negotiation.setSending(video, anOutgoingTrack('video', video));
    return { negotiation, audio, video };
  }

  function settled(): ReturnType<typeof offered> {
    const all = offered();
    all.negotiation.receiveAnswer(clientAnswer(all.negotiation.createOffer()));
    return all;
  }

  it('has what was set to be sent, under names that tell whose it is', () => {
    const { negotiation, audio, video } = offered();
    expect(negotiation.offerNeeded).toBe(true);
    const offer = negotiation.createOffer();
    expect(mLines(offer)).toEqual([`audio 9 ${audio} sendonly`, `video 9 ${video} sendonly`]);
    expect(offer).toContain('a=setup:actpass\r\n');
    expect(offer).toContain('a=msid:room-alice-camera video\r\n');
    expect(offer).toMatch(/a=ssrc-group:FID \d+ \d+\r\n/);
    expect(negotiation.offerNeeded).toBe(false);
    const answer = negotiation.receiveAnswer(clientAnswer(offer));
    expect(answer.connect?.role).toBe('client');
    expect(answer.accepted).toEqual([audio, video]);
    expect(answer.rejected).toEqual([]);
    expect(negotiation.offerNeeded).toBe(false);
  });

  it('grows its version by one with each description', () => {
    const { negotiation } = settled();
    const versions = [negotiation.createOffer(), negotiation.createOffer()].map(
      (sdp) => parse(sdp).origin.sessionVersion,
    );
    expect(versions).toEqual([2, 3]);
    const ids = [negotiation.createOffer(), aNegotiation().createOffer()].map(
      (sdp) => parse(sdp).origin.sessionId,
    );
    expect(ids[0]).toBe(ids[1]);
  });

  it('reserves nothing that has no track yet', () => {
    const negotiation = aNegotiation();
    const mid = negotiation.reserve('video');
    expect(negotiation.offerNeeded).toBe(false);
    expect(mLines(negotiation.createOffer())).toEqual([]);
    negotiation.stopSending(mid);
    expect(() => negotiation.setSending(mid, anOutgoingTrack('video', mid))).toThrow(TypeError);
  });

  it('writes names that are no tokens as tokens', () => {
    const negotiation = aNegotiation();
    const mid = negotiation.reserve('audio');
    const track = {
      ...anOutgoingTrack('audio', mid),
      streamId: 'a room\r\na=x',
      trackId: '\ud800(ü)',
    };
    negotiation.setSending(mid, track);
    const offer = negotiation.createOffer();
    expect(offer).toContain('a=msid:a%20room%0D%0Aa%3Dx %EF%BF%BD%28%C3%BC%29\r\n');
  });

  it('is rolled back when the client offers too, and made again', () => {
    const { negotiation, audio, video } = offered();
    negotiation.createOffer();
    expect(negotiation.state).toBe('have-local-offer');
    negotiation.receiveOffer(aDescription([AUDIO]));
    expect(mLines(negotiation.answer())).toEqual(['audio 9 0 recvonly']);
    expect(negotiation.state).toBe('stable');
    expect(negotiation.offerNeeded).toBe(true);
    const offer = negotiation.createOffer();
    expect(parse(offer).media.map(({ mid }) => String(mid))).toEqual(['0', audio, video]);
    expect(negotiation.receiveAnswer(clientAnswer(offer)).accepted).toEqual([audio, video]);
  });

  it('stays pending when the client’s offer or answer is bad', () => {
    const { negotiation } = offered();
    const offer = negotiation.createOffer();
    expect(errorOf(() => negotiation.receiveOffer('v=0')).code).toBe('MALFORMED');
    expect(errorOf(() => negotiation.receiveAnswer('v=0')).code).toBe('MALFORMED');
    const auto = clientAnswer(offer).replaceAll('a=setup:active', 'a=setup:actpass');
    expect(errorOf(() => negotiation.receiveAnswer(auto)).code).toBe('MALFORMED');
    const fewer = aDescription([{ mid: 's0', kind: 'audio', direction: 'recvonly' }]);
    expect(errorOf(() => negotiation.receiveAnswer(fewer)).code).toBe('MALFORMED');
    expect(negotiation.state).toBe('have-local-offer');
    expect(negotiation.receiveAnswer(clientAnswer(offer)).accepted).toHaveLength(2);
    expect(errorOf(() => negotiation.receiveAnswer(clientAnswer(offer))).code).toBe('WRONG_STATE');
  });

  it('is told what the client does not take', () => {
    const { negotiation, audio, video } = offered();
    const offer = negotiation.createOffer();
    const answer = clientAnswer(offer, {
      [audio]: { direction: 'inactive' },
      [video]: { stopped: true },
    });
    expect(negotiation.receiveAnswer(answer)).toMatchObject({
      accepted: [],
      rejected: [audio, video],
    });
    const without = offered();
    const other = clientAnswer(without.negotiation.createOffer(), {
      [without.video]: { lines: ['a=rtpmap:102 rtx/90000'] },
    });
    expect(without.negotiation.receiveAnswer(other).rejected).toEqual([without.video]);
  });

  it('stops an m-line and gives its place to a new mid, never its kind', () => {
    const { negotiation, audio, video } = settled();
    negotiation.stopSending(video);
    expect(negotiation.offerNeeded).toBe(true);
    const offer = negotiation.createOffer();
    expect(mLines(offer)).toEqual([`audio 9 ${audio} sendonly`, `video 0 ${video} inactive`]);
    negotiation.receiveAnswer(clientAnswer(offer));
    const more = negotiation.reserve('audio');
    const again = negotiation.reserve('video');
    expect([audio, video]).not.toContain(again);
    negotiation.setSending(again, anOutgoingTrack('video', again));
    negotiation.setSending(more, anOutgoingTrack('audio', more));
    expect(mLines(negotiation.createOffer())).toEqual([
      `audio 9 ${audio} sendonly`,
      `video 9 ${again} sendonly`,
      `audio 9 ${more} sendonly`,
    ]);
  });

  it('gives no place away before the client knows that it is free', () => {
    const { negotiation, audio, video } = settled();
    negotiation.stopSending(video);
    const again = negotiation.reserve('video');
    negotiation.setSending(again, anOutgoingTrack('video', again));
    expect(mLines(negotiation.createOffer())).toEqual([
      `audio 9 ${audio} sendonly`,
      `video 0 ${video} inactive`,
      `video 9 ${again} sendonly`,
    ]);
  });

  it('lets the first m-line fall idle, and uses it again', () => {
    const { negotiation, audio } = settled();
    negotiation.stopSending(audio);
    negotiation.stopSending(audio);
    const offer = negotiation.createOffer();
    expect(mLines(offer)[0]).toBe(`audio 9 ${audio} inactive`);
    negotiation.receiveAnswer(clientAnswer(offer));
    expect(negotiation.offerNeeded).toBe(false);
    expect(negotiation.reserve('audio')).toBe(audio);
  });

  it('tells of what changed while it was pending afterwards', () => {
    const { negotiation, video } = offered();
    const offer = negotiation.createOffer();
    negotiation.stopSending(video);
    expect(negotiation.offerNeeded).toBe(true);
    negotiation.receiveAnswer(clientAnswer(offer));
    expect(negotiation.offerNeeded).toBe(true);
    expect(mLines(negotiation.createOffer())[1]).toBe(`video 0 ${video} inactive`);
  });

  it('forgets a stop when the offer with the track is rolled back', () => {
    const { negotiation, audio, video } = offered();
    negotiation.createOffer();
    negotiation.stopSending(video);
    negotiation.stopSending(audio);
    negotiation.receiveOffer(aDescription([{ ...AUDIO, mid: 'x' }]));
    negotiation.answer();
    expect(negotiation.offerNeeded).toBe(false);
    expect(mLines(negotiation.createOffer())).toEqual(['audio 9 x recvonly']);
  });

  it('restarts ICE', () => {
    const { negotiation } = settled();
    negotiation.restartIce({ usernameFragment: 'newufrag', password: 'newpasswordnewpassword1' });
    expect(negotiation.offerNeeded).toBe(true);
    // Until it is told, our answers have the old ones.
    negotiation.receiveOffer(
      clientAnswer(negotiation.createOffer()).replaceAll('a=setup:active', 'a=setup:actpass'),
    );
    expect(negotiation.answer()).not.toContain('newufrag');
    const offer = negotiation.createOffer();
    expect(offer).toContain('a=ice-ufrag:newufrag\r\n');
    negotiation.receiveAnswer(clientAnswer(offer));
    expect(negotiation.offerNeeded).toBe(false);
  });

  it('has no more m-lines than the limit', () => {
    const negotiation = aNegotiation({ limits: { mLines: 2 } });
    const mids = [negotiation.reserve('audio'), negotiation.reserve('video')];
    expect(errorOf(() => negotiation.reserve('video')).code).toBe('TOO_LARGE');
    for (const mid of mids) negotiation.stopSending(mid);
    expect(negotiation.reserve('video')).not.toBe(mids[1]);
  });

  it('never takes a mid that the client has', () => {
    const negotiation = aNegotiation();
    negotiation.receiveOffer(aDescription([{ ...AUDIO, mid: 's0' }]));
    negotiation.answer();
    const mid = negotiation.reserve('audio');
    expect(mid).not.toBe('s0');
    const offer = aDescription([
      { ...AUDIO, mid: 's0' },
      { ...VIDEO, mid },
    ]);
    expect(codeOf(offer, negotiation)).toBe('MALFORMED');
  });

  it('is answered in the client’s later offers, which may end it', () => {
    const { negotiation, audio, video } = settled();
    const both: ModelSection[] = [
      { mid: audio, kind: 'audio', direction: 'recvonly', lines: ['a=rtpmap:100 opus/48000/2'] },
      {
        mid: video,
        kind: 'video',
        direction: 'recvonly',
        lines: ['a=rtpmap:101 VP8/90000', 'a=rtpmap:102 rtx/90000', 'a=fmtp:102 apt=101'],
      },
    ];
    const unchanged = negotiation.receiveOffer(aDescription(both));
    expect(unchanged).toMatchObject({ added: [], removed: [], rejected: [], slots: [] });
    const answer = negotiation.answer();
    expect(mLines(answer)).toEqual([`audio 9 ${audio} sendonly`, `video 9 ${video} sendonly`]);
    expect(answer).toContain('m=video 9 UDP/TLS/RTP/SAVPF 101 102\r\n');
    expect(answer).not.toContain('a=extmap:');
    const ended = negotiation.receiveOffer(
      aDescription(
        both.map((section) => (section.mid === video ? { ...section, stopped: true } : section)),
      ),
    );
    expect(ended.rejected).toEqual([video]);
    expect(mLines(negotiation.answer())[1]).toBe(`video 0 ${video} inactive`);
  });
});

describe('numbers of two sides on one PeerConnection', () => {
  const TWCC = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';
  const extmaps = [
    `a=extmap:3 ${TWCC}`,
    'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid',
    'a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  ];
  const camera = {
    ...VIDEO,
    lines: ['a=rtpmap:96 VP8/90000', 'a=rtcp-fb:96 transport-cc', 'a=ssrc:2 cname:c', ...extmaps],
  };

  function extensions(sdp: string): string[] {
    return parse(sdp).media.flatMap(({ ext = [] }) =>
      ext.map(({ value, uri }) => `${value} ${uri}`),
    );
  }

  it('are the client’s where only it sends', () => {
    const negotiation = aNegotiation();
    negotiation.receiveOffer(aDescription([camera]));
    expect(extensions(negotiation.answer())).toHaveLength(3);
    expect(negotiation.offerNeeded).toBe(false);
  });

  it('become ours by a second offer where both will send', () => {
    const negotiation = aNegotiation({ bothWays: true });
    const [track] = negotiation.receiveOffer(aDescription([camera])).added;
    const ids = track?.rtpParameters.headerExtensions?.map(({ id }) => id);
    expect(ids, 'the producer expects what will be').toEqual([10, 1, 5]);
    expect(extensions(negotiation.answer())).toEqual([
      '10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
    ]);
    expect(negotiation.offerNeeded).toBe(true);
    const offer = negotiation.createOffer();
    expect(extensions(offer)).toContain(`5 ${TWCC}`);
    expect(offer).toContain('a=rtcp-fb:96 transport-cc\r\n');
    const lines = [...camera.lines.slice(0, 3), `a=extmap:5 ${TWCC}`];
    negotiation.receiveAnswer(
      aDescription([{ ...camera, lines }], clientTransport('clientufrag', 'passive')),
    );
    expect(negotiation.offerNeeded).toBe(false);
    expect(extensions(negotiation.createOffer())).toEqual([`5 ${TWCC}`]);
  });

  it('that the client would misread are dropped once something is sent', () => {
    const negotiation = aNegotiation();
    negotiation.receiveOffer(aDescription([camera]));
    negotiation.answer();
    const mid = negotiation.reserve('video');
    const uris = negotiation.consumerCapabilities(mid).headerExtensions?.map(({ uri }) => uri);
    expect(uris).not.toContain(TWCC);
    negotiation.setSending(mid, anOutgoingTrack('video', mid));
    const offer = extensions(negotiation.createOffer());
    expect(offer).not.toContain('4 urn:ietf:params:rtp-hdrext:sdes:mid');
    expect(offer).toContain('4 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time');
    expect(offer).toContain(`3 ${TWCC}`);
  });

  it('never make one payload type two codecs', () => {
    const negotiation = aNegotiation();
    const lines = [
      'a=rtpmap:101 H264/90000',
      'a=fmtp:101 packetization-mode=1;profile-level-id=42e01f',
      'a=rtpmap:102 rtx/90000',
      'a=fmtp:102 apt=101',
      'a=ssrc:2 cname:c',
    ];
    negotiation.receiveOffer(aDescription([{ ...VIDEO, lines }]));
    negotiation.answer();
    const mid = negotiation.reserve('video');
    const types = negotiation
      .consumerCapabilities(mid)
      .codecs?.map((codec) => codec.preferredPayloadType);
    expect(types).not.toContain(101);
    const track = anOutgoingTrack('video', mid);
    expect(errorOf(() => negotiation.setSending(mid, track)).code).toBe('UNSUPPORTED');
  });
});

describe('slots', () => {
  const WATCH: ModelSection = {
    mid: '0',
    kind: 'video',
    direction: 'recvonly',
    lines: [
      'a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid',
      'a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
      'a=rtpmap:101 VP8/90000',
      'a=rtpmap:97 rtx/90000',
      'a=fmtp:97 apt=101',
    ],
  };

  it('say what the client can receive, in its own numbering', () => {
    const [slot] = aNegotiation().receiveOffer(aDescription([WATCH])).slots;
    expect(slot).toMatchObject({ mid: '0', kind: 'video' });
    expect(slot?.rtpCapabilities.codecs?.map((codec) => codec.preferredPayloadType)).toEqual([
      101, 97,
    ]);
    expect(slot?.rtpCapabilities.headerExtensions?.map(({ preferredId }) => preferredId)).toEqual([
      1,
    ]);
  });

  it('are answered with what fits, and inactive without a track', () => {
    const negotiation = aNegotiation();
    negotiation.receiveOffer(aDescription([WATCH]));
    const capabilities = negotiation.consumerCapabilities('0');
    expect(capabilities.codecs?.map((codec) => codec.preferredPayloadType)).toEqual([101]);
    const answer = negotiation.answer({ sending: new Map([['0', anOutgoingTrack('video', '0')]]) });
    expect(mLines(answer)).toEqual(['video 9 0 sendonly']);
    expect(answer).toContain('SAVPF 101\r\n');
    expect(answer).toContain('a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n');
    expect(answer).not.toContain('abs-send-time');
    const idle = aNegotiation();
    idle.receiveOffer(aDescription([WATCH]));
    expect(mLines(idle.answer())).toEqual(['video 9 0 inactive']);
  });

  it('are free again by the answer after their track has stopped', () => {
    const negotiation = aNegotiation();
    negotiation.receiveOffer(aDescription([WATCH]));
    const sending = new Map([['0', anOutgoingTrack('video', '0')]]);
    negotiation.answer({ sending });
    negotiation.stopSending('0');
    negotiation.receiveOffer(aDescription([WATCH]));
    expect(mLines(negotiation.answer())).toEqual(['video 9 0 inactive']);
    expect(negotiation.offerNeeded).toBe(false);
    const { slots } = negotiation.receiveOffer(aDescription([WATCH]));
    expect(slots.map(({ mid }) => mid)).toEqual(['0']);
    expect(mLines(negotiation.answer({ sending }))).toEqual(['video 9 0 sendonly']);
  });

  it('take a track later, by an offer of ours', () => {
    const negotiation = aNegotiation();
    negotiation.receiveOffer(aDescription([WATCH]));
    negotiation.answer();
    negotiation.setSending('0', anOutgoingTrack('video', '0'));
    expect(negotiation.offerNeeded).toBe(true);
    expect(mLines(negotiation.createOffer())).toEqual(['video 9 0 sendonly']);
  });

  it('refuse a track under another number', () => {
    const negotiation = aNegotiation();
    const lines = ['a=rtpmap:96 VP8/90000', 'a=rtpmap:101 VP9/90000'];
    negotiation.receiveOffer(aDescription([{ ...WATCH, lines }]));
    const sending = new Map([['0', anOutgoingTrack('video', '0')]]);
    expect(() => negotiation.answer({ sending })).toThrow(TypeError);
    negotiation.answer();
    const error = errorOf(() => negotiation.setSending('0', anOutgoingTrack('video', '0')));
    expect(error.code).toBe('UNSUPPORTED');
  });
});
