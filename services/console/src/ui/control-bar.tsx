import { useRef } from 'preact/hooks';
import type { Call } from '../app/call.js';
import { DeviceToggle } from './device-toggle.js';
import { Icon } from './icons.js';
import type { RoomView } from './room-view.js';

interface ControlBarProps {
  readonly call: Call;
  readonly view: RoomView;
  readonly onLeave: () => void;
}

export function ControlBar({ call, view, onLeave }: ControlBarProps) {
  const { media, mayPublish } = call.options;
  const sharing = media.screen.value !== undefined;
  const canShare = 'mediaDevices' in navigator && 'getDisplayMedia' in navigator.mediaDevices;
  return (
    <div class="controls" role="toolbar" aria-label="Call">
      {mayPublish && <DeviceToggle device={media.microphone} kind="microphone" />}
      {mayPublish && <DeviceToggle device={media.camera} kind="camera" />}
      {mayPublish && canShare && (
        <button
          type="button"
          class={`round${sharing ? ' active' : ''}`}
          data-testid="share-screen"
          role="switch"
          aria-checked={sharing}
          aria-label="Share screen"
          title={sharing ? 'Stop sharing your screen' : 'Share your screen'}
          onClick={() => (sharing ? media.stopScreen() : void call.shareScreen())}
        >
          <Icon name={sharing ? 'screenOff' : 'screen'} />
        </button>
      )}
      <ChatToggle call={call} view={view} />
      <button type="button" class="round leave" data-testid="leave" title="Leave" onClick={onLeave}>
        <Icon name="leave" />
        <span class="hidden">Leave</span>
      </button>
    </div>
  );
}

function ChatToggle({ call, view }: Omit<ControlBarProps, 'onLeave'>) {
  const open = view.chatOpen.value;
  const count = call.lines.value.length;
  const read = useRef(0);
  if (open) read.current = count;
  const unread = !open && count > read.current;
  const label = unread ? 'Chat, with new lines' : 'Chat';
  return (
    <button
      type="button"
      class={`round chat-toggle${open ? ' active' : ''}${unread ? ' unread' : ''}`}
      data-testid="chat"
      aria-expanded={open}
      aria-label={label}
      title={label}
      onClick={() => view.toggleChat()}
    >
      <Icon name="chat" />
    </button>
  );
}
