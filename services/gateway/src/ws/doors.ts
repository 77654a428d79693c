import type { Dialect } from '../domain/access/access.js';
import type { ConnectionPorts } from '../domain/rooms-dialect/connection.js';
import type { PionPorts } from '../domain/pion-sfu/pion-connection.js';
import { pionDoor } from './pion-door.js';
import { roomsDoor } from './rooms-door.js';
import { umbrellaDoor, type UmbrellaDoorOptions } from './umbrella-door.js';
import type { Door } from './websocket-entrance.js';

/** What the requests of one connection belong to, its door says. */
export type DoorPorts = Omit<ConnectionPorts & PionPorts, 'inRequest'>;

/** The doors of all dialects that are on, by path. */
export function doorsOf(
  ports: DoorPorts,
  umbrella: Omit<UmbrellaDoorOptions, 'access'>,
): ReadonlyMap<string, Door> {
  const { access } = ports;
  const doors: readonly (readonly [Dialect, string, Door])[] = [
    ['rooms', '/ws', roomsDoor(ports)],
    ['pion-sfu', PION_PATH, pionDoor(ports)],
    ['umbrella', '/wsb', umbrellaDoor({ ...umbrella, access })],
  ];
  const open = doors.filter(([dialect]) => access.isOn(dialect));
  return new Map(open.map(([, path, door]) => [path, door]));
}

export const PION_PATH = '/pion';
