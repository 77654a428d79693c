import type { Consumer, ConsumerStat } from 'mediasoup/types';
import { TrackKind } from '@sluice/proto-gen/common';
import type { SubscriptionStats, TrackStats } from '@sluice/proto-gen/media_node';
import type { Subscription } from './subscription.js';

/** A report counts losses in 256ths. */
const LOSS_UNIT = 256;

/** What flows right now in one subscription. */
export async function statsOf(subscription: Subscription): Promise<SubscriptionStats> {
  const tracks = await Promise.all(
    subscription.tracks.map(({ track, consumer }) => trackStats(track.trackId, consumer)),
  );
  return { stream: subscription.name, path: [...subscription.path], tracks };
}

async function trackStats(trackId: string, consumer: Consumer): Promise<TrackStats> {
  const sent = await outboundOf(consumer);
  const layers = consumer.currentLayers;
  return {
    trackId,
    kind: consumer.kind === 'audio' ? TrackKind.TRACK_KIND_AUDIO : TrackKind.TRACK_KIND_VIDEO,
    mimeType: consumer.rtpParameters.codecs[0]?.mimeType ?? '',
    bitrateBps: Math.round(sent?.bitrate ?? 0),
    spatial: layers?.spatialLayer,
    temporal: layers?.temporalLayer,
    loss: (sent?.fractionLost ?? 0) / LOSS_UNIT,
  };
}

async function outboundOf(consumer: Consumer): Promise<ConsumerStat | undefined> {
  if (consumer.closed) return undefined;
  try {
    const stats = await consumer.getStats();
    return stats.find(({ type }) => type === 'outbound-rtp');
  } catch {
    // It closed meanwhile: nothing flows.
    return undefined;
  }
}
