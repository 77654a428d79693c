import type { Dialect } from '../domain/access.js';
import type { ConnectionPorts } from '../domain/connection.js';
import type { PionPorts } from '../domain/pion-sfu/pion-connection.js';
import { pionDoor } from './pion-door.js';
import { roomsDoor } from './rooms-door.js';
import type { Door } from './websocket-entrance.js';

/** The doors of all dialects that are on, by path. */
export function doorsOf(
  ports: Omit<ConnectionPorts, 'inRequest'> & PionPorts,
): ReadonlyMap<string, Door> {
  const doors: readonly (readonly [Dialect, string, Door])[] = [
    ['rooms', '/ws', roomsDoor(ports)],
    ['pion-sfu', PION_PATH, pionDoor(ports)],
  ];
  const open = doors.filter(([dialect]) => ports.access.isOn(dialect));
  return new Map(open.map(([, path, door]) => [path, door]));
}

export const PION_PATH = '/pion';
