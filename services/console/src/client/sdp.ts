/** A track as an m-line of an SDP names it. */
export interface NamedTrack {
  readonly mid: string;
  readonly streamId: string;
}

/** The session id of the `o=` line: the same for every description of one PeerConnection. */
export function sessionIdOf(sdp: string): string | undefined {
  return /^o=\S+ (\S+) /m.exec(sdp)?.[1];
}

/** The m-lines on which the SDP's author sends, with the MediaStream each belongs to. */
export function sentTracks(sdp: string): readonly NamedTrack[] {
  const [, ...sections] = sdp.split(/^(?=m=)/m);
  return sections.flatMap((section) => {
    const mid = /^a=mid:(\S+)/m.exec(section)?.[1];
    const streamId = /^a=msid:(\S+)/m.exec(section)?.[1];
    const sends = /^a=send(?:recv|only)/m.test(section);
    return mid !== undefined && streamId !== undefined && sends ? [{ mid, streamId }] : [];
  });
}

/**
 * Asks for Opus with in-band error correction and with silence left out. What a browser sends is
 * ruled by the other side's `a=fmtp`, so this belongs into the answer, and into the offer too, for
 * those who receive it in the end.
 */
export function withOpusPreferences(sdp: string): string {
  return opusPayloadTypes(sdp).reduce(withOpusParameters, sdp);
}

function opusPayloadTypes(sdp: string): readonly string[] {
  return [...sdp.matchAll(/^a=rtpmap:(\d+) opus\/48000/gim)].flatMap(([, type]) => type ?? []);
}

function withOpusParameters(sdp: string, payloadType: string): string {
  const line = new RegExp(`^a=fmtp:${payloadType} ([^\r\n]*)`, 'm');
  const parameters = line.exec(sdp)?.[1];
  if (parameters === undefined) {
    const rtpmap = new RegExp(`^(a=rtpmap:${payloadType} [^\r\n]*)`, 'm');
    return sdp.replace(rtpmap, `$1\r\na=fmtp:${payloadType} useinbandfec=1;usedtx=1`);
  }
  const kept = parameters
    .split(';')
    .map((parameter) => parameter.trim())
    .filter((parameter) => !/^(?:useinbandfec|usedtx)=/i.test(parameter));
  const all = [...kept, 'useinbandfec=1', 'usedtx=1'].filter(Boolean);
  return sdp.replace(line, `a=fmtp:${payloadType} ${all.join(';')}`);
}
