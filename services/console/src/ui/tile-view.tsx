import { useCallback, useEffect } from 'preact/hooks';
import { SCREEN } from '../client/index.js';
import type { Call } from '../app/call.js';
import type { Tile } from '../app/tiles.js';
import { formatBitrate, formatMs, formatRate, initials, purposeLabel } from './format.js';
import { Icon } from './icons.js';
import { PathChips } from './path-chips.js';
import type { RoomView } from './room-view.js';
import type { Box } from './stage-layout.js';
import { VideoView } from './video-view.js';

interface TileViewProps {
  readonly tile: Tile;
  readonly box: Box;
  readonly call: Call;
  readonly view: RoomView;
}

/** Below this width a tile says only who it is. */
const ROOMY_PX = 260;

export function TileView({ tile, box, call, view }: TileViewProps) {
  const { key, own } = tile;
  const widthPx = Math.round(box.width * Math.min(window.devicePixelRatio, 2));
  useEffect(() => {
    if (!own) call.setShownWidth(key, widthPx);
  }, [call, key, own, widthPx]);
  const speaking = tile.purpose !== SCREEN && call.speakers.value.has(tile.participantId);
  const inspected = view.inspected.value === key;
  return (
    <article
      class={classesOf({ speaking, inspected, small: box.width < ROOMY_PX })}
      data-testid="tile"
      data-publisher={tile.participantId}
      data-purpose={tile.purpose}
      data-own={own}
      aria-label={labelOf(tile)}
      style={placeOf(box)}
    >
      <TilePicture tile={tile} view={view} />
      <TileCaption tile={tile} call={call} roomy={box.width >= ROOMY_PX} />
      {!own && tile.media && (
        <button
          type="button"
          class="tile-details"
          aria-label={`Details of ${labelOf(tile)}`}
          aria-expanded={inspected}
          onClick={() => view.inspect(inspected ? undefined : key)}
        >
          <Icon name="details" />
        </button>
      )}
    </article>
  );
}

function TilePicture({ tile, view }: { readonly tile: Tile; readonly view: RoomView }) {
  const { media, own, purpose, hasVideo } = tile;
  const onBlocked = useCallback(() => (view.soundBlocked.value = true), [view]);
  return (
    <>
      {media && (
        <VideoView
          media={media}
          label={labelOf(tile)}
          muted={own}
          mirrored={own && purpose !== SCREEN}
          fit={purpose === SCREEN ? 'contain' : 'cover'}
          onBlocked={onBlocked}
        />
      )}
      {!hasVideo && (
        <div class="avatar" aria-hidden="true">
          <span style={{ '--hue': hueOf(tile.participantId) }}>{initials(tile.username)}</span>
        </div>
      )}
    </>
  );
}

interface TileCaptionProps {
  readonly tile: Tile;
  readonly call: Call;
  readonly roomy: boolean;
}

function TileCaption({ tile, call, roomy }: TileCaptionProps) {
  return (
    <>
      <TilePath tile={tile} call={call} roomy={roomy} />
      <div class="caption">
        <span class="plate who">
          {!tile.hasAudio && tile.purpose !== SCREEN && (
            <span class="quiet" title="No microphone">
              <Icon name="microphoneOff" />
            </span>
          )}
          <span class="name">{captionOf(tile)}</span>
        </span>
        {roomy && <TileFigures tile={tile} call={call} />}
      </div>
    </>
  );
}

function TilePath({ tile, call, roomy }: TileCaptionProps) {
  const path = call.reading.value?.received.get(tile.key)?.path ?? [];
  if (path.length === 0) return null;
  return (
    <div class="tile-path plate">
      <PathChips path={path} short={!roomy} />
    </div>
  );
}

function TileFigures({ tile, call }: Pick<TileCaptionProps, 'tile' | 'call'>) {
  const reading = call.reading.value;
  const reception = tile.own ? reading?.sent.get(tile.purpose) : reading?.received.get(tile.key);
  if (!reception || reception.flow.bitrateBps === 0) return null;
  const { bitrateBps, framesPerSecond } = reception.flow;
  return (
    <span class="plate facts">
      <span>{formatBitrate(bitrateBps)}</span>
      {tile.hasVideo && framesPerSecond !== undefined && <span>{formatRate(framesPerSecond)}</span>}
      <span class="round-trip" title="Round trip between you and your node">
        {formatMs(reception.roundTripMs)}
      </span>
    </span>
  );
}

function classesOf(states: Readonly<Record<string, boolean>>): string {
  return ['tile', ...Object.keys(states).filter((state) => states[state])].join(' ');
}

function placeOf({ left, top, width, height }: Box) {
  return { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` };
}

function captionOf({ username, own, purpose }: Tile): string {
  const who = own ? 'You' : username;
  return purpose === 'm.usermedia' ? who : `${who} · ${purposeLabel(purpose)}`;
}

function labelOf({ username, own, purpose }: Tile): string {
  return `${own ? 'You' : username}, ${purposeLabel(purpose).toLowerCase()}`;
}

/** A colour that stays with a participant. */
function hueOf(participantId: string): string {
  const sum = Array.from(participantId).reduce(
    (hash, letter) => (hash * 31 + (letter.codePointAt(0) ?? 0)) % 100_003,
    7,
  );
  return String(sum % 360);
}
