import type { Entrance } from '../app/entrance.js';
import { JoinPage } from './join-page.js';
import { RoomPage } from './room-page.js';

export function App({ entrance }: { readonly entrance: Entrance }) {
  const call = entrance.call.value;
  return call ? (
    <RoomPage call={call} onLeave={() => entrance.leave()} />
  ) : (
    <JoinPage entrance={entrance} />
  );
}
