import type { Call } from '../app/call.js';
import type { Tile } from '../app/tiles.js';
import { formatBitrate, formatMs, formatRate, purposeLabel } from './format.js';
import { PathChips } from './path-chips.js';
import type { RoomView } from './room-view.js';

interface StreamListProps {
  readonly call: Call;
  readonly view: RoomView;
}

/** All streams that are received, each with its way and its figures. */
export function StreamList({ call, view }: StreamListProps) {
  const streams = call.tiles.value.filter(({ own, media }) => !own && media !== undefined);
  if (streams.length === 0) return <p class="hint empty">Nobody else sends anything yet.</p>;
  return (
    <ul class="stream-list">
      {streams.map((tile) => (
        <StreamRow key={tile.key} tile={tile} call={call} view={view} />
      ))}
    </ul>
  );
}

function StreamRow({ tile, call, view }: StreamListProps & { readonly tile: Tile }) {
  const reading = call.reading.value?.received.get(tile.key);
  return (
    <li>
      <button type="button" class="stream-row" onClick={() => view.inspect(tile.key)}>
        <span class="stream-who">
          <strong>{tile.username}</strong>
          <span>{purposeLabel(tile.purpose)}</span>
        </span>
        <PathChips path={reading?.path ?? []} />
        <span class="facts">
          <span>{formatBitrate(reading?.flow.bitrateBps)}</span>
          {tile.hasVideo && <span>{formatRate(reading?.flow.framesPerSecond)}</span>}
          <span>{formatMs(reading?.roundTripMs)}</span>
        </span>
      </button>
    </li>
  );
}
