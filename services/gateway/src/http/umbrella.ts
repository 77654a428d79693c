import { raw, Router, type Request, type RequestHandler, type Response } from 'express';
import { SluiceError } from '@sluice/core';
import { UmbrellaServers, UmbrellaStatus } from '@sluice/proto-gen/umbrella';
import type { Access } from '../domain/access/access.js';
import { requireGrant } from '../domain/access/permissions.js';
import type { UmbrellaLinks } from '../domain/umbrella/links.js';
import { requireServers, withoutSecrets, type ServerList } from '../domain/umbrella/server-list.js';
import { toTrack } from '../proto/umbrella.js';
import { onlyMethods } from './api-parts.js';
import { credentialsOf } from './credentials.js';
import { umbrellaPage } from './umbrella-page.js';

const PROTOBUF = 'application/x-protobuf';
const BODY_MAX_BYTES = 64 * 1024;

export interface UmbrellaOptions {
  readonly access: Access;
  readonly servers: ServerList;
  readonly links: UmbrellaLinks;
}

/** `/servers`, `/status` and `/sfu`: protobuf for requests of that Content-Type, pages for others. */
export function umbrella({ access, servers, links }: UmbrellaOptions): Router {
  const router = Router();
  const identify = (request: Request) => access.identify('umbrella', credentialsOf(request));
  router.get('/sfu', umbrellaPage('sfu'));
  router
    .route('/servers')
    .get(unlessProtobuf(umbrellaPage('servers')), async (request, response) => {
      await identify(request);
      sendServers(response, servers.servers);
    })
    .post(raw({ type: PROTOBUF, limit: BODY_MAX_BYTES }), async (request, response) => {
      requireGrant(await identify(request), 'admin');
      const wanted = requireServers(serversIn(request.body));
      await servers.replace(withKnownSecrets(wanted, servers.servers));
      sendServers(response, servers.servers);
    })
    .all(onlyMethods('GET, POST'));
  router
    .route('/status')
    .get(unlessProtobuf(umbrellaPage('status')), async (request, response) => {
      await identify(request);
      sendProtobuf(response, UmbrellaStatus.encode(statusOf(links, servers)).finish());
    })
    .all(onlyMethods('GET'));
  return router;
}

function unlessProtobuf(page: RequestHandler): RequestHandler {
  return (request, response, next) => {
    if (request.headers['content-type'] === PROTOBUF) next();
    else void page(request, response, next);
  };
}

function serversIn(body: unknown): readonly string[] {
  if (!Buffer.isBuffer(body)) {
    throw new SluiceError('INVALID_ARGUMENT', `send a body of Content-Type ${PROTOBUF}`);
  }
  try {
    return UmbrellaServers.decode(body).servers;
  } catch (cause) {
    throw new SluiceError('INVALID_ARGUMENT', 'the body is not CurrentServers', {}, { cause });
  }
}

/** Whoever sends back the list that it was given means the tokens that it was not given. */
function withKnownSecrets(wanted: readonly string[], known: readonly string[]): readonly string[] {
  return wanted.map(
    (server) => known.find((one) => withoutSecrets(one) === withoutSecrets(server)) ?? server,
  );
}

function sendServers(response: Response, servers: readonly string[]): void {
  const message = { servers: servers.map(withoutSecrets) };
  sendProtobuf(response, UmbrellaServers.encode(message).finish());
}

function sendProtobuf(response: Response, message: Uint8Array): void {
  response.set('Cache-Control', 'no-store').type(PROTOBUF).send(Buffer.from(message));
}

/** Of this gateway's links. */
function statusOf(links: UmbrellaLinks, servers: ServerList): UmbrellaStatus {
  const incoming = links.list.flatMap((link) => link.incomingTracks.map(toTrack));
  const relayed = new Map(incoming.map((track) => [track.umbrellaId, track]));
  return {
    relayingTracks: [...relayed.values()],
    clients: links.list.map((link) => ({
      label: link.peer.label,
      trunkUrl: link.peer.trunkUrl ?? '',
      incomingTracks: link.incomingTracks.map(toTrack),
      outgoingTracks: link.outgoingTracks.map(toTrack),
      midMapping: [],
    })),
    servers: servers.servers.map(withoutSecrets),
  };
}
