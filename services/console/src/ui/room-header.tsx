import type { Call } from '../app/call.js';
import { Icon, Wordmark } from './icons.js';
import type { RoomView } from './room-view.js';

interface RoomHeaderProps {
  readonly call: Call;
  readonly view: RoomView;
}

export function RoomHeader({ call, view }: RoomHeaderProps) {
  const people = new Set(call.tiles.value.map(({ participantId }) => participantId)).size;
  const node = call.node.value;
  return (
    <header class="room-header">
      <Wordmark />
      <h1 class="room-name" data-testid="room-name">
        {call.options.room}
      </h1>
      <ConnectionState call={call} />
      <span class="spacer" />
      <span class="badge" title={`${people} here`}>
        <Icon name="people" />
        <span aria-hidden="true">{people}</span>
        <span class="hidden">{people} here</span>
      </span>
      {node !== undefined && (
        <span class="badge your-node" data-testid="own-node" title="The node your media goes to">
          <span class="badge-label">you are on</span> <span class="node">{node}</span>
        </span>
      )}
      <button
        type="button"
        class="badge button"
        data-testid="streams"
        aria-expanded={view.drawerOpen.value}
        onClick={() => view.toggleStreams()}
      >
        <Icon name="routes" />
        <span class="badge-label">Streams</span>
        <span class="hidden narrow-only">Streams</span>
      </button>
    </header>
  );
}

function ConnectionState({ call }: { readonly call: Call }) {
  const reconnecting = call.status.value === 'reconnecting';
  return (
    <span
      class="connection-state"
      role="status"
      data-testid="status"
      data-status={call.status.value}
    >
      {reconnecting && <span class="pill">Reconnecting…</span>}
    </span>
  );
}
