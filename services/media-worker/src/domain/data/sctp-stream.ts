import type { DataConsumer, DataConsumerOptions, Transport } from 'mediasoup/types';
import { isReliable, type ChannelParameters } from './dcep.js';

/** What mediasoup's transports have beside their types. */
interface StreamIds {
  allocateSctpStreamId?: () => number;
}

/** How a DataConsumer sends. */
export type SctpReliability = Pick<
  DataConsumerOptions,
  'ordered' | 'maxPacketLifeTime' | 'maxRetransmits'
>;

/** The longest that mediasoup knows, in milliseconds. */
const LIFE_TIME_MAX_MS = 65_535;

/**
 * A DataConsumer on the stream `streamId`. mediasoup hands out the ids of outgoing streams in order,
 * but a data channel has one id both ways, which its opener chose (RFC 8832 §6). It asks this method
 * for each in the very call.
 */
export function consumeDataOn(
  transport: Transport,
  streamId: number,
  options: DataConsumerOptions,
): Promise<DataConsumer> {
  const ids: StreamIds = transport as object;
  ids.allocateSctpStreamId = () => streamId;
  return transport.consumeData(options);
}

/**
 * What comes nearest to what a channel promises. mediasoup sends unordered messages with a life time
 * and never again: an absent life time is one of 0 ms there, and an absent number of retransmissions
 * is none. So what is not exactly that goes reliably and in order, which is more than was promised.
 */
export function reliabilityOf(parameters: ChannelParameters): SctpReliability {
  const { ordered, maxRetransmits, maxPacketLifeTimeMs } = parameters;
  const exact = !isReliable(parameters) && !ordered && (maxRetransmits ?? 0) === 0;
  if (!exact) return { ordered: true };
  const maxPacketLifeTime = Math.max(1, maxPacketLifeTimeMs ?? LIFE_TIME_MAX_MS);
  return { ordered: false, maxPacketLifeTime };
}
