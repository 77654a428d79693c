import { QUALITIES, type Quality, type StreamReading } from '../client/index.js';
import type { Call } from '../app/call.js';
import type { Tile } from '../app/tiles.js';
import {
  UNKNOWN,
  formatBitrate,
  formatFraction,
  formatLayers,
  formatMs,
  formatRate,
  formatSize,
  purposeLabel,
} from './format.js';
import { Route } from './route.js';
import { Sparkline } from './sparkline.js';

interface StreamDetailsProps {
  readonly tile: Tile;
  readonly call: Call;
}

const QUALITY_LABELS: Readonly<Record<Quality, string>> = {
  auto: 'Auto',
  high: 'High',
  medium: 'Medium',
  low: 'Low',
};

/** Everything known of one stream. */
export function StreamDetails({ tile, call }: StreamDetailsProps) {
  const reading = call.reading.value?.received.get(tile.key);
  const history = call.history.byStream.value.get(tile.key) ?? [];
  return (
    <>
      <section class="panel-part" aria-label="Path">
        <Route publisher={tile.username} path={reading?.path ?? []} />
      </section>
      <section class="panel-part" aria-label="Bitrate">
        <div class="big-figure">
          <strong>{formatBitrate(reading?.flow.bitrateBps)}</strong>
          <span>received, last minute</span>
        </div>
        <Sparkline values={history} label="Bitrate over the last minute" />
      </section>
      {tile.hasVideo && <QualityChoice tile={tile} call={call} />}
      <dl class="facts-list">
        {factsOf(tile, reading).map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function factsOf(
  tile: Tile,
  reading: StreamReading | undefined,
): readonly (readonly [string, string])[] {
  const flow = reading?.flow;
  return [
    ['Publisher', tile.participantId],
    ['Purpose', `${purposeLabel(tile.purpose)} (${tile.purpose})`],
    ['Codecs', flow?.codecs.join(', ') || UNKNOWN],
    ['Resolution', formatSize(flow?.width, flow?.height)],
    ['Frame rate', formatRate(flow?.framesPerSecond)],
    ['Layer', formatLayers(reading?.spatial, reading?.temporal)],
    ['Packets lost', formatFraction(flow?.loss)],
    ['Jitter', formatMs(flow?.jitterMs)],
    ['Round trip to node', formatMs(reading?.roundTripMs)],
  ];
}

function QualityChoice({ tile, call }: StreamDetailsProps) {
  return (
    <fieldset class="panel-part quality">
      <legend>Quality</legend>
      <div class="segments">
        {QUALITIES.map((quality) => (
          <label key={quality}>
            <input
              type="radio"
              name="quality"
              value={quality}
              checked={tile.quality === quality}
              onChange={() => call.setQuality(tile.key, quality)}
            />
            <span>{QUALITY_LABELS[quality]}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
