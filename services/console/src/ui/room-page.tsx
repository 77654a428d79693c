import { useMemo } from 'preact/hooks';
import type { Call } from '../app/call.js';
import { ChatPanel } from './chat-panel.js';
import { ControlBar } from './control-bar.js';
import { Drawer } from './drawer.js';
import { NoticeList } from './notice-list.js';
import { RoomHeader } from './room-header.js';
import { RoomView } from './room-view.js';
import { Stage } from './stage.js';

interface RoomPageProps {
  readonly call: Call;
  readonly onLeave: () => void;
}

export function RoomPage({ call, onLeave }: RoomPageProps) {
  const view = useMemo(() => new RoomView(), []);
  if (call.ended.value !== undefined) return <Ended reason={call.ended.value} onLeave={onLeave} />;
  const beside = view.drawerOpen.value || view.chatOpen.value;
  return (
    <div class={`room${beside ? ' with-drawer' : ''}`} data-testid="room-page">
      <RoomHeader call={call} view={view} />
      <main class="room-main" aria-label={`Room ${call.options.room}`}>
        <Stage call={call} view={view} />
      </main>
      {view.drawerOpen.value && <Drawer call={call} view={view} />}
      {view.chatOpen.value && <ChatPanel call={call} view={view} />}
      <footer class="room-footer">
        <ControlBar call={call} view={view} onLeave={onLeave} />
      </footer>
      <NoticeList notices={call.notices} />
      {view.soundBlocked.value && <SoundGate view={view} />}
    </div>
  );
}

function SoundGate({ view }: { readonly view: RoomView }) {
  const begin = () => {
    view.soundBlocked.value = false;
    for (const video of document.querySelectorAll('video')) void video.play();
  };
  return (
    <div class="gate" role="dialog" aria-label="Sound">
      <p>The browser waits for you before it plays sound.</p>
      <button type="button" class="primary" onClick={begin}>
        Turn on the sound
      </button>
    </div>
  );
}

function Ended({ reason, onLeave }: { readonly reason: string; readonly onLeave: () => void }) {
  return (
    <main class="ended">
      <h1>The call has ended</h1>
      <p role="alert">{reason}</p>
      <button type="button" class="primary" onClick={onLeave}>
        Back
      </button>
    </main>
  );
}
