import { JoinSpans } from '@sluice/tracing';
import { Connection, type ConnectionPorts } from '../domain/rooms-dialect/connection.js';
import type { Door } from './websocket-entrance.js';

/** Where clients of the dialect of rooms come in. */
export function roomsDoor(ports: Omit<ConnectionPorts, 'inRequest'>): Door {
  return (socket, _request, onAuthenticated) => {
    const client = {
      send: (message: object) => socket.send(JSON.stringify(message)),
      close: (code: number, reason: string) => socket.close(code, reason),
    };
    const { inRequest } = new JoinSpans(ports.clock);
    const connection = new Connection(client, { ...ports, inRequest }, onAuthenticated);
    return {
      receiveText: (frame) => connection.receive(frame),
      receiveBinary: () => {
        connection.receiveUnreadable('binary frames are not understood here');
      },
      end: (ending) => connection.end(ending),
    };
  };
}
