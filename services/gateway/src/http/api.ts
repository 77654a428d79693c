import { json, Router, type RequestHandler } from 'express';
import { SluiceError, hasCode } from '@sluice/core';
import {
  drainRequest,
  streamPath,
  tokenRequest,
  type NodeRow,
  type RelayRow,
  type StreamRow,
  type TokenResponseBody,
} from '@sluice/protocol';
import type { Ingests } from '../domain/ingests.js';
import { requireGrant } from '../domain/access/permissions.js';
import type { Directory, MediaNode, MediaNodes, TokenAuthority } from '../domain/ports.js';
import { BODY_MAX_BYTES, bearerOf, hasBody, onlyMethods, parseBody } from './api-parts.js';
import { ingestRoutes } from './ingests-api.js';
import { openApi } from './openapi.js';

export interface ApiPorts {
  readonly directory: Directory;
  readonly nodes: MediaNodes;
  readonly tokens: TokenAuthority;
  readonly ingests: Ingests;
  /** Lets anybody read streams, relays and nodes. */
  readonly anonymousRead: boolean;
}

/** `/api/v1`. */
export function api(ports: ApiPorts): Router {
  const administrator = onlyAdministrators(ports.tokens);
  const reader = ports.anonymousRead ? anybody : administrator;
  const router = Router();
  const description = openApi();

  router
    .route('/openapi.json')
    .get((_request, response) => {
      response.json(description);
    })
    .all(onlyMethods('GET'));
  router
    .route('/tokens')
    .post(administrator, json({ limit: BODY_MAX_BYTES }), async (request, response) => {
      const token = await ports.tokens.issue(parseBody(tokenRequest, request.body));
      response.json({ token } satisfies TokenResponseBody);
    })
    .all(onlyMethods('POST'));
  router
    .route('/streams')
    .get(reader, async (_request, response) => {
      response.json(await streamRows(ports.directory));
    })
    .all(onlyMethods('GET'));
  router
    .route('/relays')
    .get(reader, async (_request, response) => {
      response.json(await relayRows(ports.directory));
    })
    .all(onlyMethods('GET'));
  router
    .route('/nodes')
    .get(reader, async (_request, response) => {
      response.json(await nodeRows(ports.directory));
    })
    .all(onlyMethods('GET'));
  router
    .route('/nodes/:nodeId/drain')
    .post(administrator, json({ limit: BODY_MAX_BYTES }), async (request, response) => {
      const body: unknown = hasBody(request) ? request.body : {};
      const { deadlineMs, reason } = parseBody(drainRequest, body);
      await commandNode(ports, request.params.nodeId, (node) => node.drain(deadlineMs, reason));
      response.status(202).json({ deadlineMs });
    })
    .all(onlyMethods('POST'));
  router
    .route('/nodes/:nodeId/undrain')
    .post(administrator, async (request, response) => {
      await commandNode(ports, request.params.nodeId, (node) => node.undrain());
      response.status(204).end();
    })
    .all(onlyMethods('POST'));
  ingestRoutes(router, ports.ingests, (request) => ports.tokens.verify(bearerOf(request)));
  return router;
}

const anybody: RequestHandler = (_request, _response, next) => {
  next();
};

function onlyAdministrators(tokens: TokenAuthority): RequestHandler {
  return async (request, _response, next) => {
    requireGrant(await tokens.verify(bearerOf(request)), 'admin');
    next();
  };
}

/** @throws {SluiceError} NOT_FOUND when the directory knows no such node, UNAVAILABLE when it is silent. */
async function commandNode(
  { directory, nodes }: ApiPorts,
  nodeId: string,
  command: (node: MediaNode) => Promise<void>,
): Promise<void> {
  const known = (await directory.nodes()).find((node) => node.nodeId === nodeId);
  if (!known) throw new SluiceError('NOT_FOUND', `there is no node ${nodeId}`, { noun: 'node' });
  try {
    await command(nodes.at(known.grpcAddress));
  } catch (error) {
    if (!hasCode(error, 'UNAVAILABLE', 'DEADLINE_EXCEEDED')) throw error;
    const message = `node ${nodeId} does not answer`;
    throw new SluiceError('UNAVAILABLE', message, { noun: 'node' }, { cause: error });
  }
}

async function streamRows(directory: Directory): Promise<StreamRow[]> {
  const streams = await directory.streams();
  return streams.map(({ room, participant, purpose, nodeId, username, epoch, tracks }) => ({
    room,
    participant,
    purpose,
    node: nodeId,
    username: username ?? participant,
    epoch,
    tracks: [...tracks],
  }));
}

async function relayRows(directory: Directory): Promise<RelayRow[]> {
  const relays = await directory.relays();
  return relays.map((relay) => ({
    stream: streamPath(relay),
    fromNode: relay.from.nodeId,
    toNode: relay.to.nodeId,
    fromRouter: relay.from.routerId,
    toRouter: relay.to.routerId,
    epoch: relay.epoch,
  }));
}

async function nodeRows(directory: Directory): Promise<NodeRow[]> {
  const nodes = await directory.nodes();
  return nodes.map(({ nodeId, region, zone, load, sessions, state, ...node }) => ({
    id: nodeId,
    region,
    zone,
    load,
    sessions,
    state,
    silenceMs: node.silenceMs,
    ...(node.drainRemainingMs === undefined ? {} : { drainRemainingMs: node.drainRemainingMs }),
  }));
}
