/** The largest message of a data channel, in bytes; what our SDP says. */
export const MESSAGE_MAX_BYTES = 256 * 1024;

/**
 * Sizes that clients take at most. mediasoup forwards a message of some size class to those of its
 * DataConsumers alone that have that class among their subchannels.
 */
const SIZE_CLASSES_BYTES = [16 * 1024, 64 * 1024, 128 * 1024, MESSAGE_MAX_BYTES];

/** The subchannel of a message of that size; from 1. */
export function sizeClassOf(bytes: number): number {
  const index = SIZE_CLASSES_BYTES.findIndex((max) => bytes <= max);
  return index < 0 ? SIZE_CLASSES_BYTES.length : index + 1;
}

/** The subchannels of all messages that a client takes; the smallest of them takes everybody. */
export function sizeClassesWithin(maxMessageBytes: number): number[] {
  return SIZE_CLASSES_BYTES.flatMap((max, index) =>
    index === 0 || max <= maxMessageBytes ? [index + 1] : [],
  );
}
