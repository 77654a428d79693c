import type { Router } from 'express';
import { expect, test } from 'vitest';
import { api, type ApiPorts } from './api.js';
import { OPERATIONS } from './openapi-operations.js';
import { openApi } from './openapi.js';
import { roomsApi, type RoomsApiPorts } from './rooms-api.js';

/** What a router answers, but for refusing other methods. */
function routesOf(router: Router, prefix: string): string[] {
  return router.stack.flatMap(({ route }) => {
    if (!route) return [];
    const path = prefix + route.path.replaceAll(/:(\w+)/g, '{$1}');
    const methods = new Set(route.stack.map(({ method }) => method).filter(Boolean));
    return [...methods].map((method) => `${method} ${path}`);
  });
}

test('every route is described, and nothing else', () => {
  // Nothing is called when routes are only listed.
  const ports = {} as ApiPorts & RoomsApiPorts;
  const routes = [...routesOf(api(ports), ''), ...routesOf(roomsApi(ports), '/rooms')];
  const described = OPERATIONS.map(({ method, path }) => `${method} ${path}`);
  expect(described.toSorted()).toEqual(routes.toSorted());
});

test('bodies are described as they are checked, and as one reads them', () => {
  const text = JSON.stringify(openApi());
  const { paths } = JSON.parse(text) as {
    paths: Record<string, Record<string, { requestBody: { content: object } }>>;
  };
  expect(paths['/ingests']?.['post']?.requestBody.content).toMatchObject({
    'application/json': {
      schema: { required: ['id', 'url', 'room'], additionalProperties: false },
    },
  });
  expect(paths['/nodes/{nodeId}/drain']).toMatchObject({
    parameters: [{ name: 'nodeId', in: 'path' }],
    post: { requestBody: { required: false }, responses: { 202: {} } },
  });
  expect(text).not.toContain('$schema');
});
