/** What a PeerConnection receives over one m-line, as its own statistics say. */
export interface Received {
  readonly mid: string;
  readonly kind: string;
  readonly trackId: string;
  readonly bytes: number;
  readonly packets: number;
  readonly packetsLost: number;
  /** Of the lost ones, those that came when they were sent again. */
  readonly packetsRepaired: number;
  readonly framesDecoded: number;
  readonly frameWidth: number;
  readonly frameHeight: number;
  readonly keyFramesDecoded: number;
  /** Grows while something is to be heard. */
  readonly totalAudioEnergy: number;
}

export async function receivedBy(connection: RTCPeerConnection): Promise<Received[]> {
  const report = await connection.getStats();
  const received: Received[] = [];
  for (const entry of report.values() as Iterable<Record<string, unknown>>) {
    // A late packet of what was replaced makes an entry of its own, of no track.
    const ofNothing = entry['trackIdentifier'] === '';
    if (entry['type'] === 'inbound-rtp' && !ofNothing) received.push(receivedOf(entry));
  }
  return received;
}

function receivedOf(entry: Record<string, unknown>): Received {
  const number = (name: string) => Number(entry[name] ?? 0);
  return {
    mid: String(entry['mid']),
    kind: String(entry['kind']),
    trackId: String(entry['trackIdentifier']),
    bytes: number('bytesReceived'),
    packets: number('packetsReceived'),
    packetsLost: number('packetsLost'),
    packetsRepaired: number('retransmittedPacketsReceived'),
    framesDecoded: number('framesDecoded'),
    frameWidth: number('frameWidth'),
    frameHeight: number('frameHeight'),
    keyFramesDecoded: number('keyFramesDecoded'),
    totalAudioEnergy: number('totalAudioEnergy'),
  };
}
