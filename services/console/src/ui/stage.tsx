import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { SCREEN } from '../client/index.js';
import type { Call } from '../app/call.js';
import type { RoomView } from './room-view.js';
import { layOut, type Size } from './stage-layout.js';
import { TileView } from './tile-view.js';

interface StageProps {
  readonly call: Call;
  readonly view: RoomView;
}

/** Everybody's tiles, laid out anew whenever the room or the window changes. */
export function Stage({ call, view }: StageProps) {
  const element = useRef<HTMLDivElement>(null);
  const size = useSignal<Size>({ width: 0, height: 0 });
  useEffect(() => {
    const stage = element.current;
    if (!stage) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) size.value = entry.contentRect;
    });
    observer.observe(stage);
    return () => observer.disconnect();
  }, [size]);

  const tiles = call.tiles.value;
  const { boxes, height } = layOut(
    tiles.map(({ purpose }) => purpose === SCREEN),
    size.value,
  );
  return (
    <div class="stage" ref={element}>
      <div class="stage-content" style={{ height: `${height}px` }}>
        {tiles.map((tile, index) => {
          const box = boxes[index];
          return box && <TileView key={tile.key} tile={tile} box={box} call={call} view={view} />;
        })}
      </div>
    </div>
  );
}
