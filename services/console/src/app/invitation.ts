/** What a link brings along: how to get in, and what to fill in. */
export interface Invitation {
  readonly token?: string;
  readonly room?: string;
  readonly name?: string;
}

const FIELDS = ['token', 'room', 'name'] as const;
const LONGEST = { token: 8_192, room: 128, name: 256 } as const;

/** Reads `#token=…&room=…&name=…`; undefined where the fragment is for something else. */
export function readFragment(fragment: string): Invitation | undefined {
  const parameters = new URLSearchParams(fragment.replace(/^#/, ''));
  const found = FIELDS.flatMap((field) => {
    const value = parameters.get(field)?.trim();
    return value && value.length <= LONGEST[field] ? [[field, value] as const] : [];
  });
  return found.length > 0 ? Object.fromEntries(found) : undefined;
}

const STORED_AS = 'sluice.invitation';

/**
 * The invitation of this tab. A token in the address bar would end up in the history and in what
 * people copy, so it moves from there into the tab's own storage.
 */
export function takeInvitation(
  page: Pick<Window, 'location' | 'history' | 'sessionStorage'>,
): Invitation {
  const { location, history, sessionStorage } = page;
  const given = readFragment(location.hash);
  if (given) {
    history.replaceState(null, '', location.pathname + location.search);
    sessionStorage.setItem(STORED_AS, JSON.stringify(given));
    return given;
  }
  return readStored(sessionStorage.getItem(STORED_AS));
}

export function readStored(text: string | null): Invitation {
  if (text === null) return {};
  try {
    const stored: unknown = JSON.parse(text);
    if (typeof stored !== 'object' || stored === null) return {};
    const entries = Object.entries(stored).filter(
      ([field, value]) => FIELDS.some((known) => known === field) && typeof value === 'string',
    );
    return Object.fromEntries(entries);
  } catch {
    // Somebody else wrote there: as good as nothing.
    return {};
  }
}
