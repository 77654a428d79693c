import type { Layers } from './wire.js';

export const QUALITIES = ['auto', 'high', 'medium', 'low'] as const;
export type Quality = (typeof QUALITIES)[number];

const TOP_SPATIAL = 2;
const TOP_TEMPORAL = 2;
const SPATIAL_OF: Readonly<Record<Exclude<Quality, 'auto'>, number>> = {
  high: 2,
  medium: 1,
  low: 0,
};

/** Physical pixels of width up to which the layers below the top one are sharp enough. */
const SHARP_UP_TO_PX = [240, 480] as const;

/** The layers to ask for; `widthPx` is what the picture is shown at, in physical pixels. */
export function wantedLayers(quality: Quality, widthPx: number | undefined): Layers {
  const spatial = quality === 'auto' ? spatialForWidth(widthPx) : SPATIAL_OF[quality];
  return { spatial, temporal: TOP_TEMPORAL };
}

function spatialForWidth(widthPx: number | undefined): number {
  if (widthPx === undefined) return TOP_SPATIAL;
  const sharp = SHARP_UP_TO_PX.findIndex((limitPx) => widthPx <= limitPx);
  return sharp === -1 ? TOP_SPATIAL : sharp;
}
