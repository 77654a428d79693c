import { text, Router, type RequestHandler } from 'express';
import { SluiceError } from '@sluice/core';
import type { Access } from '../domain/access/access.js';
import { openSomewhere } from '../domain/sessions/open-session.js';
import { requireFresh } from '../domain/access/permissions.js';
import type { Directory, MediaNodes } from '../domain/ports.js';
import { onlyMethods } from './api-parts.js';
import { credentialsOf } from './credentials.js';

/** An SDP of data channels alone; with candidates of many networks still far below. */
const OFFER_MAX_BYTES = 64 * 1024;
/** Tokens without an end, as far as timers go. */
const VALID_MAX_MS = 24 * 24 * 60 * 60 * 1_000;

export interface SfuToSfuPorts {
  readonly access: Access;
  readonly directory: Directory;
  readonly nodes: MediaNodes;
  readonly newId: () => string;
  readonly roomsNeedCreator: boolean;
  readonly nowS: () => number;
}

/** `POST /createSession`: all that SFU-to-SFU needs a gateway for. */
export function sfuToSfu(ports: SfuToSfuPorts): Router {
  const router = Router();
  router
    .route('/createSession')
    .all(openToPages)
    .options((_request, response) => void response.status(204).end())
    .post(text({ type: () => true, limit: OFFER_MAX_BYTES }), async (request, response) => {
      const identity = await ports.access.identify('sfu-to-sfu', credentialsOf(request));
      requireFresh(identity, ports.nowS());
      const sdp: unknown = request.body;
      if (typeof sdp !== 'string' || sdp === '') {
        throw new SluiceError('INVALID_ARGUMENT', 'the body is an SDP offer');
      }
      const { room, subject, name, grants, expiresAtS } = identity;
      const validMs = Math.min(Math.floor((expiresAtS - ports.nowS()) * 1_000), VALID_MAX_MS);
      // It belongs to no room yet.
      const placement = { room: '', participant: subject, excludeNodeIds: [] };
      const answer = await openSomewhere(placement, ports, (home) => {
        const clientId = ports.newId();
        return ports.nodes.at(home.grpcAddress).openDataChannelClient({
          clientId,
          routerId: home.routerId,
          room,
          participant: subject,
          username: name,
          connectionId: clientId,
          grants,
          validMs,
          roomsNeedCreator: ports.roomsNeedCreator,
          sdp,
        });
      });
      response.status(200).type('application/sdp').send(answer);
    })
    .all(onlyMethods('POST'));
  return router;
}

/** As the original answers, on every response: it has no cookies that a page could misuse. */
const openToPages: RequestHandler = (_request, response, next) => {
  response.set({
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Methods': 'POST, GET, OPTIONS, PUT, DELETE',
    'Access-Control-Allow-Headers':
      'Accept, Content-Type, Content-Length, Accept-Encoding, Authorization,X-CSRF-Token',
    'Access-Control-Expose-Headers': 'Authorization',
    'Cache-Control': 'no-store',
  });
  next();
};
