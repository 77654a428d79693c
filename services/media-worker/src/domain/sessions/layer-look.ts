import type { Producer, ProducerTraceEventData } from 'mediasoup/types';
import type { Clock, Timer } from '@sluice/core';
import { canLayer, type IncomingTrack } from '@sluice/sdp';

/** From the first packet on; temporal layers show in the first pictures, larger ones with the bitrate. */
const LOOK_MS = 3_000;

/** What mediasoup traces of a packet. */
interface PacketTrace {
  readonly rtpPacket: { readonly spatialLayer: number; readonly temporalLayer: number } | null;
}

/** Whether nothing but its packets tells if the track is made of layers. */
export function mayHaveLayers({ rtpParameters }: IncomingTrack): boolean {
  const [codec] = rtpParameters.codecs;
  const [encoding, second] = rtpParameters.encodings ?? [];
  if (!codec || !encoding || second || encoding.scalabilityMode !== undefined) return false;
  return canLayer(codec, rtpParameters.headerExtensions ?? []);
}

/**
 * The track with as many layers as there may be, each of which needs all below it: of any real mode that
 * forwards nothing too little, and layers that are not there are passed over.
 */
export function layersOfUnknown(track: IncomingTrack): IncomingTrack {
  const encodings = track.rtpParameters.encodings?.map((encoding) => ({
    ...encoding,
    scalabilityMode: 'L3T3',
  }));
  return { ...track, rtpParameters: { ...track.rtpParameters, ...(encodings && { encodings }) } };
}

/** Looks at the first packets for some that are of a higher layer than the lowest. */
export async function seesLayers(producer: Producer, clock: Clock): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let timer: Timer | undefined;
  const onTrace = ({ type, info }: ProducerTraceEventData) => {
    if (type !== 'rtp') return;
    timer ??= clock.after(LOOK_MS, () => resolve(false));
    const { rtpPacket } = info as unknown as PacketTrace;
    if (rtpPacket && rtpPacket.spatialLayer + rtpPacket.temporalLayer > 0) resolve(true);
  };
  producer.on('trace', onTrace);
  producer.observer.once('close', () => resolve(false));
  try {
    await producer.enableTraceEvent(['rtp']);
    const seen = await promise;
    producer.off('trace', onTrace);
    if (!producer.closed) await producer.enableTraceEvent([]);
    return seen;
  } catch {
    // It closed meanwhile.
    return false;
  } finally {
    timer?.cancel();
  }
}
