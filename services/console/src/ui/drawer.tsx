import { useEffect, useRef } from 'preact/hooks';
import type { Call } from '../app/call.js';
import { CameraPanel } from './camera-panel.js';
import { purposeLabel } from './format.js';
import { Icon } from './icons.js';
import type { RoomView } from './room-view.js';
import { StreamDetails } from './stream-details.js';
import { StreamList } from './stream-list.js';

interface DrawerProps {
  readonly call: Call;
  readonly view: RoomView;
}

/** Beside the stage, or over its lower part on a phone: one stream, or all of them. */
export function Drawer({ call, view }: DrawerProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const inspected = view.inspected.value;
  useEffect(() => heading.current?.focus(), [inspected]);
  const tile = call.tiles.value.find(({ key }) => key === inspected);
  return (
    <aside
      class="drawer"
      aria-labelledby="drawer-title"
      data-testid="drawer"
      onKeyDown={(event) => {
        if (event.key === 'Escape') view.close();
      }}
    >
      <header>
        {tile && (
          <button
            type="button"
            class="plain"
            aria-label="All streams"
            onClick={() => (view.inspected.value = undefined)}
          >
            <Icon name="back" />
          </button>
        )}
        <h2 id="drawer-title" tabIndex={-1} ref={heading}>
          {tile ? `${tile.username} · ${purposeLabel(tile.purpose)}` : 'Streams'}
        </h2>
        <button type="button" class="plain" aria-label="Close" onClick={() => view.close()}>
          <Icon name="close" />
        </button>
      </header>
      <div class="drawer-body">
        {tile ? (
          <StreamDetails tile={tile} call={call} />
        ) : (
          <>
            <StreamList call={call} view={view} />
            {call.options.cameras && <CameraPanel cameras={call.options.cameras} />}
          </>
        )}
      </div>
    </aside>
  );
}
