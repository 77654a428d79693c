const PATHS = {
  microphone: 'M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3ZM6 11a6 6 0 0 0 12 0M12 17v4',
  microphoneOff:
    'M15 9.5V6a3 3 0 0 0-5.7-1.3M9 9v2a3 3 0 0 0 4.5 2.6M6 11a6 6 0 0 0 9.3 5M18 11a6 6 0 0 1-.4 2.1M12 17v4M4 3l16 18',
  camera:
    'M4 7.5A1.5 1.5 0 0 1 5.5 6h8A1.5 1.5 0 0 1 15 7.5v9a1.5 1.5 0 0 1-1.5 1.5h-8A1.5 1.5 0 0 1 4 16.5ZM15 11l5-3v8l-5-3',
  cameraOff:
    'M10 6h3.5A1.5 1.5 0 0 1 15 7.5V11l5-3v8l-2.5-1.5M15 16.5a1.5 1.5 0 0 1-1.5 1.5h-8A1.5 1.5 0 0 1 4 16.5v-9a1.5 1.5 0 0 1 .9-1.4M4 3l16 18',
  screen: 'M4 5.5h16v11H4ZM9 20h6M12 13.5v-5M9.5 10.5 12 8l2.5 2.5',
  screenOff: 'M4 5.5h16v11H4ZM9 20h6M10 9l4 4M14 9l-4 4',
  leave:
    'M5.5 13.5c-1.4 0-2-1-2-2.5C6.5 7.5 17.5 7.5 20.5 11c0 1.5-.6 2.5-2 2.5l-2.5-.7c-.6-.2-.9-.6-1-1.2l-.2-1.3a9 9 0 0 0-5.6 0L9 11.6c-.1.6-.4 1-1 1.2Z',
  details: 'M12 11v5.5M12 7.5v.1M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18Z',
  routes:
    'M6 8.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM18 20.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM8.5 6H15a3 3 0 0 1 0 6H9a3 3 0 0 0 0 6h6.5',
  people:
    'M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM3.5 19c.3-3 2.5-5 5.5-5s5.2 2 5.5 5M15.5 5.3a3 3 0 0 1 0 5.4M17 14.3c2 .6 3.3 2.3 3.5 4.7',
  chat: 'M5.5 5h13A1.5 1.5 0 0 1 20 6.5v8a1.5 1.5 0 0 1-1.5 1.5H11l-4.5 4v-4h-1A1.5 1.5 0 0 1 4 14.5v-8A1.5 1.5 0 0 1 5.5 5ZM8 9h8M8 12h5',
  close: 'M6 6l12 12M18 6 6 18',
  back: 'M14.5 6 8.5 12l6 6',
  arrow: 'M5 12h13M13.5 7.5 18 12l-4.5 4.5',
  arrowVia: 'M4 12h2M9.5 12h2M14 12h4.5M14 7.5 18.5 12 14 16.5',
} as const;

export type IconName = keyof typeof PATHS;

/** A drawing beside words, or inside of a control that has a label of its own. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class={`icon ${name}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Wordmark() {
  return (
    <span class="wordmark">
      <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
        <rect width="32" height="32" rx="9" />
        <path d="M6 11c3.3-2.6 6.7-2.6 10 0s6.7 2.6 10 0" />
        <path d="M6 17c3.3-2.6 6.7-2.6 10 0s6.7 2.6 10 0" opacity=".75" />
        <path d="M6 23c3.3-2.6 6.7-2.6 10 0s6.7 2.6 10 0" opacity=".45" />
      </svg>
      Sluice
    </span>
  );
}
