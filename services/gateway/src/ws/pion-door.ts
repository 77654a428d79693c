import { JoinSpans } from '@sluice/tracing';
import { PionConnection, type PionPorts } from '../domain/pion-sfu/pion-connection.js';
import { credentialsOf } from '../http/credentials.js';
import type { Door } from './websocket-entrance.js';

/** Where clients of Pion_SFU come in. */
export function pionDoor(ports: Omit<PionPorts, 'inRequest'>): Door {
  return (socket, request, onAuthenticated) => {
    const credentials = credentialsOf(request);
    const { inRequest } = new JoinSpans(ports.clock);
    const own = { ...ports, inRequest };
    const connection = new PionConnection(socket, credentials, own, onAuthenticated);
    return {
      receiveText: (frame) => connection.receive(frame),
      receiveBinary: () => {
        connection.receiveUnreadable('binary frames are not understood here');
      },
      end: () => connection.end(),
    };
  };
}
