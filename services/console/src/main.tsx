import { render } from 'preact';
import { Entrance } from './app/entrance.js';
import { takeInvitation } from './app/invitation.js';
import { LocalMedia } from './app/local-media.js';
import { pageState, type PageState } from './app/page-state.js';
import './styles/tokens.css';
import './styles/controls.css';
import './styles/join.css';
import './styles/room.css';
import './styles/tile.css';
import './styles/chat.css';
import './styles/drawer.css';
import { App } from './ui/app.js';

declare global {
  interface Window {
    /** For tests: see the README. */
    readonly sluiceConsole: { state(): PageState };
  }
}

const media = new LocalMedia();
const entrance = new Entrance(location.href, media);
entrance.accept(takeInvitation(window));
// Another invitation may be opened in the same tab.
window.addEventListener('hashchange', () => entrance.accept(takeInvitation(window)));
// Says goodbye to the room at once, instead of leaving a picture that stands still until a time-out.
window.addEventListener('pagehide', () => entrance.call.peek()?.leave());

Object.defineProperty(window, 'sluiceConsole', { value: { state: () => pageState(entrance) } });

const root = document.getElementById('app');
if (root) render(<App entrance={entrance} />, root);
void media.start();
