import { useState } from 'preact/hooks';
import type { Entrance } from '../app/entrance.js';
import { Wordmark } from './icons.js';
import { JoinForm } from './join-form.js';
import { Preview } from './preview.js';

/** The way in: a look at oneself, and who one is and where one goes. */
export function JoinPage({ entrance }: { readonly entrance: Entrance }) {
  const [greeting] = useState(() => (entrance.room.peek() ? 'Ready to join?' : 'Join a room'));
  return (
    <main class="join">
      <header class="join-header">
        <Wordmark />
      </header>
      <div class="join-body">
        <Preview media={entrance.media} />
        <section class="join-card" aria-labelledby="join-title">
          <h1 id="join-title">{greeting}</h1>
          <p class="lead">Everybody in the room sees and hears each other, from any node.</p>
          <JoinForm entrance={entrance} />
        </section>
      </div>
    </main>
  );
}
