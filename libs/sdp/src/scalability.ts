import type { Codec } from './codecs.js';
import type { Extension } from './header-extensions.js';
import { DEPENDENCY_DESCRIPTOR_URI } from './header-extensions.js';

/** Of WebRTC-SVC §6, without the modes that begin with S: several pictures that do not build on each other. */
const LAYERED = /^L([1-3])T([1-3])h?(?:_KEY(?:_SHIFT)?)?$/;

/**
 * Whether a scalability mode names layers that can be left out on the way. Any other one is carried
 * whole.
 */
export function isLayered(scalabilityMode: string): boolean {
  const [, spatial, temporal] = LAYERED.exec(scalabilityMode) ?? [];
  return Number(spatial) > 1 || Number(temporal) > 1;
}

/**
 * Whether mediasoup can tell the layers of one stream of this codec apart: those of VP9 by its
 * payload descriptor, those of AV1 by the dependency descriptor alone.
 */
export function canLayer(
  codec: Pick<Codec, 'mimeType'>,
  extensions: readonly Pick<Extension, 'uri'>[],
): boolean {
  if (codec.mimeType.toLowerCase() === 'video/vp9') return true;
  return (
    !needsNoDescriptor(codec) && extensions.some(({ uri }) => uri === DEPENDENCY_DESCRIPTOR_URI)
  );
}

/** Of AV1 nobody can put together the layers of a picture without it. */
export function needsNoDescriptor({ mimeType }: Pick<Codec, 'mimeType'>): boolean {
  return mimeType.toLowerCase() !== 'video/av1';
}
