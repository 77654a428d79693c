import { raw, Router, type Request, type RequestHandler, type Response } from 'express';
import { SluiceError } from '@sluice/core';
import { UmbrellaServers, UmbrellaStatus } from '@sluice/proto-gen/umbrella';
import type { Identity } from '@sluice/tokens';
import type { Access } from '../domain/access/access.js';
import { requireGrant } from '../domain/access/permissions.js';
import type { Cameras } from '../domain/umbrella/cameras.js';
import type { LinkStatuses } from '../domain/umbrella/link-statuses.js';
import { requireServers, withoutSecrets, type ServerList } from '../domain/umbrella/server-list.js';
import { fromLinkStatus, fromTrunkStatus } from '../proto/umbrella-status.js';
import { onlyMethods } from './api-parts.js';
import { credentialsOf } from './credentials.js';
import { umbrellaPage } from './umbrella-page.js';

const PROTOBUF = 'application/x-protobuf';
const BODY_MAX_BYTES = 64 * 1024;

export interface UmbrellaOptions {
  readonly access: Access;
  readonly servers: ServerList;
  readonly cameras: Cameras;
  readonly statuses: LinkStatuses;
  /** Lets anybody read what only administrators may otherwise. */
  readonly anonymousRead: boolean;
}

/** `/servers`, `/status` and `/sfu`: protobuf for requests of that Content-Type, pages for others. */
export function umbrella(options: UmbrellaOptions): Router {
  const { access, anonymousRead } = options;
  const router = Router();
  const administrator = async (request: Request): Promise<Identity> => {
    const identity = await access.identify('umbrella', credentialsOf(request));
    requireGrant(identity, 'admin');
    return identity;
  };
  const reader: RequestHandler = async (request, _response, next) => {
    if (!anonymousRead) await administrator(request);
    next();
  };
  router.get('/sfu', umbrellaPage('sfu'));
  router
    .route('/servers')
    .get(unlessProtobuf(umbrellaPage('servers')), reader, async (_request, response) => {
      sendServers(response, await listed(options));
    })
    .post(raw({ type: PROTOBUF, limit: BODY_MAX_BYTES }), async (request, response) => {
      const identity = await administrator(request);
      await replaceServers(options, identity, serversIn(request.body));
      sendServers(response, await listed(options));
    })
    .all(onlyMethods('GET, POST'));
  router
    .route('/status')
    .get(unlessProtobuf(umbrellaPage('status')), reader, async (_request, response) => {
      sendProtobuf(response, UmbrellaStatus.encode(await statusOf(options)).finish());
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

/** Trunks, then cameras, as anybody may read them. */
async function listed({ servers, cameras }: UmbrellaOptions): Promise<readonly string[]> {
  return [
    ...servers.servers.map(withoutSecrets),
    ...(await cameras.list()).map(({ server }) => server),
  ];
}

async function replaceServers(
  { servers, cameras }: UmbrellaOptions,
  identity: Identity,
  list: readonly string[],
): Promise<void> {
  const wanted = requireServers(list);
  await cameras.replace(identity, wanted.cameras);
  await servers.replace(withKnownSecrets(wanted.trunks, servers.servers));
}

/** Whoever sends back the list that it was given means the tokens that it was not given. */
function withKnownSecrets(wanted: readonly string[], known: readonly string[]): readonly string[] {
  return wanted.map(
    (server) => known.find((one) => withoutSecrets(one) === withoutSecrets(server)) ?? server,
  );
}

function sendServers(response: Response, servers: readonly string[]): void {
  sendProtobuf(response, UmbrellaServers.encode({ servers: [...servers] }).finish());
}

function sendProtobuf(response: Response, message: Uint8Array): void {
  response.set('Cache-Control', 'no-store').type(PROTOBUF).send(Buffer.from(message));
}

/** Of all gateways' links, and of what this cluster dials and pulls. */
async function statusOf(options: UmbrellaOptions): Promise<UmbrellaStatus> {
  const { cameras, statuses } = options;
  const [{ links, trunks }, pulled, servers] = await Promise.all([
    statuses.gather(),
    cameras.list(),
    listed(options),
  ]);
  const clients = links.map(fromLinkStatus);
  const incoming = clients.flatMap(({ incomingTracks }) => incomingTracks);
  const relayed = new Map(incoming.map((track) => [track.umbrellaId, track]));
  return {
    relayingTracks: [...relayed.values()],
    clients,
    servers: [...servers],
    trunks: trunks.map(fromTrunkStatus),
    cameras: pulled.map(({ ingestId: _, ...camera }) => camera),
  };
}
