import { json, Router, type Request } from 'express';
import { parseName } from '@sluice/core';
import {
  answerRequest,
  lockRequest,
  muteRequest,
  offerRequest,
  sessionRequest,
  type OfferResponseBody,
  type SessionResponseBody,
} from '@sluice/protocol';
import type { Identity } from '@sluice/tokens';
import type { Host } from '../domain/rooms/host.js';
import type { TokenAuthority } from '../domain/ports.js';
import type { ResourceSessions } from '../domain/sessions/resource-sessions.js';
import { bearerOf, hasBody, onlyMethods, parseBody } from './api-parts.js';

/** An answer of a browser that receives many streams. */
const BODY_MAX_BYTES = 256 * 1024;

export interface RoomsApiPorts {
  readonly tokens: TokenAuthority;
  readonly sessions: ResourceSessions;
  readonly host: Host;
}

/** `/api/v1/rooms`: sessions whose first offer is ours, and what a host may do. */
export function roomsApi({ tokens, sessions, host }: RoomsApiPorts): Router {
  const router = Router();
  const identify = (request: Request): Promise<Identity> => tokens.verify(bearerOf(request));
  serveSessions(router, sessions, identify);
  serveHosts(router, host, identify);
  return router;
}

type Identify = (request: Request) => Promise<Identity>;

const body = json({ limit: BODY_MAX_BYTES });

function optionalBody(request: Request): unknown {
  return hasBody(request) ? request.body : {};
}

function serveSessions(router: Router, sessions: ResourceSessions, identify: Identify): void {
  router
    .route('/:room/sessions')
    .post(body, async (request, response) => {
      const identity = await identify(request);
      const room = parseName('room', request.params.room);
      const { streams } = parseBody(sessionRequest, optionalBody(request));
      const { resource, sdp } = await sessions.join(identity, room, streams);
      const path = `/api/v1/rooms/${encodeURIComponent(room)}/sessions/${resource}`;
      const made: SessionResponseBody = { session: resource, offer: sdp };
      response.status(201).location(path).json(made);
    })
    .all(onlyMethods('POST'));
  router
    .route('/:room/sessions/:session/answer')
    .put(body, async (request, response) => {
      const { answer } = parseBody(answerRequest, request.body as unknown);
      await sessions.answerOffered(request.params.session, answer);
      response.status(204).end();
    })
    .all(onlyMethods('PUT'));
  router
    .route('/:room/sessions/:session/offer')
    .put(body, async (request, response) => {
      const { offer, purpose } = parseBody(offerRequest, request.body as unknown);
      const answer = await sessions.offerBack(request.params.session, purpose, offer);
      response.json({ answer } satisfies OfferResponseBody);
    })
    .all(onlyMethods('PUT'));
  router
    .route('/:room/sessions/:session')
    .delete(async (request, response) => {
      await sessions.endOffered(request.params.session);
      response.status(204).end();
    })
    .all(onlyMethods('DELETE'));
}

function serveHosts(router: Router, host: Host, identify: Identify): void {
  router
    .route('/:room/lock')
    .post(body, async (request, response) => {
      const identity = await identify(request);
      const { locked } = parseBody(lockRequest, optionalBody(request));
      await host.lock(identity, parseName('room', request.params.room), locked);
      response.status(204).end();
    })
    .all(onlyMethods('POST'));
  router
    .route('/:room/participants/:participant/mute')
    .post(body, async (request, response) => {
      const identity = await identify(request);
      const { purpose, kind, muted } = parseBody(muteRequest, optionalBody(request));
      const { room, participant } = namesIn(request.params);
      await host.mute(identity, room, participant, purpose, { kind, muted });
      response.status(204).end();
    })
    .all(onlyMethods('POST'));
  router
    .route('/:room/participants/:participant')
    .delete(async (request, response) => {
      const identity = await identify(request);
      const { room, participant } = namesIn(request.params);
      await host.remove(identity, room, participant);
      response.status(204).end();
    })
    .all(onlyMethods('DELETE'));
  router
    .route('/:room')
    .delete(async (request, response) => {
      await host.end(await identify(request), parseName('room', request.params.room));
      response.status(204).end();
    })
    .all(onlyMethods('DELETE'));
}

/** @throws {SluiceError} INVALID_ARGUMENT. */
function namesIn({ room = '', participant = '' }: Readonly<Record<string, string | undefined>>) {
  return { room: parseName('room', room), participant: parseName('participant', participant) };
}
