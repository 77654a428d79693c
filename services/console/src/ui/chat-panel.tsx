import { useEffect, useRef, useState } from 'preact/hooks';
import type { Call, ShownLine } from '../app/call.js';
import { Icon } from './icons.js';
import type { RoomView } from './room-view.js';

interface ChatPanelProps {
  readonly call: Call;
  readonly view: RoomView;
}

/** Lines go over data channels, so they reach those who are here, and nobody keeps them. */
export function ChatPanel({ call, view }: ChatPanelProps) {
  const end = useRef<HTMLDivElement>(null);
  const lines = call.lines.value;
  useEffect(() => call.openChat(), [call]);
  useEffect(() => end.current?.scrollIntoView({ block: 'end' }), [lines]);
  return (
    <aside
      class="drawer chat"
      aria-labelledby="chat-title"
      data-testid="chat-panel"
      onKeyDown={(event) => {
        if (event.key === 'Escape') view.close();
      }}
    >
      <header>
        <h2 id="chat-title">Chat</h2>
        <button type="button" class="plain" aria-label="Close" onClick={() => view.close()}>
          <Icon name="close" />
        </button>
      </header>
      <div class="chat-lines" role="log" aria-label="Lines">
        {lines.length === 0 && <p class="empty">Nobody has written yet.</p>}
        <ol>
          {lines.map((line, index) => (
            <Line key={line.id} line={line} before={lines[index - 1]} />
          ))}
        </ol>
        <div ref={end} />
      </div>
      {call.options.mayPublish && <Entry call={call} />}
    </aside>
  );
}

function Line({
  line,
  before,
}: {
  readonly line: ShownLine;
  readonly before?: ShownLine | undefined;
}) {
  const goesOn = before?.participantId === line.participantId;
  return (
    <li class={`chat-line${line.own ? ' own' : ''}`} data-testid="chat-line">
      {!goesOn && <span class="chat-who">{line.own ? 'You' : line.username}</span>}
      <span class="chat-text">{line.text}</span>
    </li>
  );
}

function Entry({ call }: { readonly call: Call }) {
  const [text, setText] = useState('');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const send = (event: Event) => {
    event.preventDefault();
    const line = text.trim();
    if (line === '') return;
    call.write(line);
    setText('');
  };
  return (
    <form class="chat-entry" onSubmit={send}>
      <input
        ref={field}
        type="text"
        value={text}
        maxLength={2_000}
        placeholder="Write to everybody here"
        aria-label="Write to everybody here"
        data-testid="chat-text"
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <button type="submit" class="plain" aria-label="Send" disabled={text.trim() === ''}>
        <Icon name="arrow" />
      </button>
    </form>
  );
}
