/** The regions that some rooms may live in. */
export type AllowedRegions = 'any' | ReadonlySet<string>;

/** Rooms, by a pattern of their names, and where they may live. */
export interface RoomRegionRule {
  /** `*` stands for any text. */
  readonly rooms: string;
  readonly regions: AllowedRegions;
}

export type ParsedRoomRegions =
  | { readonly rules: readonly RoomRegionRule[]; readonly problem?: undefined }
  | { readonly rules?: undefined; readonly problem: string };

/** `eu-*=eu-west,eu-north;*=*`. Patterns cannot hold `=`, `;` or spaces at their ends. */
export function parseRoomRegions(text: string): ParsedRoomRegions {
  const rules: RoomRegionRule[] = [];
  const written = text.split(';').map((rule) => rule.trim());
  for (const rule of written.filter((one) => one !== '')) {
    const [rooms, list, ...rest] = rule.split('=').map((part) => part.trim());
    if (!rooms || list === undefined || rest.length > 0) {
      return { problem: 'must be rules such as eu-*=eu-west,eu-north, with ; between them' };
    }
    const regions = list.split(',').map((region) => region.trim());
    if (regions.includes('') || (regions.includes('*') && regions.length > 1)) {
      return { problem: 'needs regions, or * alone, after each =' };
    }
    rules.push({ rooms, regions: regions[0] === '*' ? 'any' : new Set(regions) });
  }
  return { rules };
}

/** The first rule that matches holds; a room that none matches may live anywhere. */
export function allowedRegionsOf(room: string, rules: readonly RoomRegionRule[]): AllowedRegions {
  return rules.find(({ rooms }) => matches(room, rooms))?.regions ?? 'any';
}

export function isAllowed(region: string, allowed: AllowedRegions): boolean {
  return allowed === 'any' || allowed.has(region);
}

/** In time linear in the room's name for each part between two stars. */
function matches(room: string, pattern: string): boolean {
  const [head = '', ...parts] = pattern.split('*');
  const tail = parts.pop();
  if (tail === undefined) return room === pattern;
  if (!room.startsWith(head)) return false;
  let at = head.length;
  for (const part of parts) {
    const found = room.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return room.endsWith(tail) && room.length - tail.length >= at;
}
