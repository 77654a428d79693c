import { json, type Request, type Router } from 'express';
import { ingestRequest, type IngestRow } from '@sluice/protocol';
import type { Identity } from '@sluice/tokens';
import type { Ingests } from '../domain/ingests.js';
import type { IngestView } from '../domain/ports.js';
import { BODY_MAX_BYTES, onlyMethods, parseBody } from './api-parts.js';

/** `/ingests`. */
export function ingestRoutes(
  router: Router,
  ingests: Ingests,
  identify: (request: Request) => Promise<Identity>,
): void {
  router
    .route('/ingests')
    .get(async (request, response) => {
      const views = await ingests.list(await identify(request));
      response.json(views.map(toRow));
    })
    .post(json({ limit: BODY_MAX_BYTES }), async (request, response) => {
      const identity = await identify(request);
      const wish = parseBody(ingestRequest, request.body);
      await ingests.create(identity, wish);
      response.status(201).location(`${request.baseUrl}/ingests/${wish.id}`).json({ id: wish.id });
    })
    .all(onlyMethods('GET, POST'));
  router
    .route('/ingests/:ingestId')
    .delete(async (request, response) => {
      await ingests.delete(await identify(request), request.params.ingestId);
      response.status(204).end();
    })
    .all(onlyMethods('DELETE'));
}

function toRow({ ingestId, username, nodeId, ...view }: IngestView): IngestRow {
  return { id: ingestId, name: username, node: nodeId, ...view };
}
