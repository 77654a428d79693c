import type { SluiceError } from '@sluice/core';
import { JoinSpans } from '@sluice/tracing';
import type { Access } from '../domain/access/access.js';
import { UmbrellaLink, type UmbrellaPorts } from '../domain/umbrella/link.js';
import type { UmbrellaLinks } from '../domain/umbrella/links.js';
import { credentialsOf, queryOf } from '../http/credentials.js';
import { decodeUmbrella, encodeUmbrella } from '../proto/umbrella.js';
import type { Door } from './websocket-entrance.js';

export interface UmbrellaDoorOptions {
  readonly ports: Omit<UmbrellaPorts, 'inRequest'>;
  readonly access: Access;
  readonly links: UmbrellaLinks;
  /** The room of links that name none. */
  readonly room: string;
}

/** Where browsers and trunks of Umbrella come in; `?room=` names another room. */
export function umbrellaDoor({ ports, access, links, room }: UmbrellaDoorOptions): Door {
  return (socket, request, onAuthenticated) => {
    const peer = {
      identify: () => access.identify('umbrella', credentialsOf(request)),
      roomName: queryOf(request).get('room') ?? room,
      label: request.socket.remoteAddress ?? 'unknown',
    };
    const outlet = {
      send: (message: Parameters<typeof encodeUmbrella>[0]) => {
        socket.send(encodeUmbrella(message));
      },
      close: (code: number, { message }: SluiceError) => socket.close(code, message),
    };
    const { inRequest } = new JoinSpans(ports.clock);
    const link = new UmbrellaLink(outlet, peer, { ...ports, inRequest }, onAuthenticated);
    links.add(link);
    return {
      receiveText: () => link.receiveUnreadable('text frames are not understood here'),
      receiveBinary: (frame) => link.receive(frame.length, () => decodeUmbrella(frame)),
      end: () => {
        links.remove(link);
        link.end();
      },
    };
  };
}
