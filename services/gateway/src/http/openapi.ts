import { z } from 'zod';
import { problem } from '@sluice/protocol';
import { OPERATIONS, type Operation } from './openapi-operations.js';

const NEEDS: Record<Operation['needs'], string> = {
  admin: 'Needs a token with the grant `admin`.',
  host: 'Needs a token for the room with the grant `host`.',
  ingest: 'Needs a token for the room with the grant `ingest`.',
  subscribe: 'Needs a token for the room with the grant `subscribe`.',
  reader: 'Needs a token with the grant `admin`, unless reading is open to anybody.',
  nothing: 'Needs no token.',
};

/** The description of `/api/v1` in OpenAPI 3.1, of the very schemas that requests are checked by. */
export function openApi(): Readonly<Record<string, unknown>> {
  const byPath = Map.groupBy(OPERATIONS, ({ path }) => path);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version: '1',
      description: 'Management of a Sluice cluster, sessions that the server offers, and hosts.',
    },
    servers: [{ url: '/api/v1' }],
    paths: Object.fromEntries([...byPath].map(([path, group]) => [path, pathItem(path, group)])),
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      responses: {
        Problem: {
          description: 'It failed; `code` says why (RFC 9457).',
          content: { 'application/problem+json': { schema: schemaOf(problem, 'output') } },
        },
      },
    },
  };
}

function pathItem(path: string, operations: readonly Operation[]): Record<string, unknown> {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const parameters = names.map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', minLength: 1 },
  }));
  return {
    ...(parameters.length > 0 && { parameters }),
    ...Object.fromEntries(operations.map((operation) => [operation.method, described(operation)])),
  };
}

function described({ summary, needs, request, status, answer }: Operation) {
  const body = request && {
    required: !request.optional,
    content: { 'application/json': { schema: schemaOf(request.body, 'input') } },
  };
  return {
    summary,
    description: NEEDS[needs],
    security: needs === 'nothing' ? [] : [{ token: [] }, ...(needs === 'reader' ? [{}] : [])],
    ...(body && { requestBody: body }),
    responses: {
      [status]: {
        description: 'Done.',
        ...(answer && { content: { 'application/json': { schema: schemaOf(answer, 'output') } } }),
      },
      default: { $ref: '#/components/responses/Problem' },
    },
  };
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): unknown {
  const written = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return Object.fromEntries(Object.entries(written).filter(([key]) => key !== '$schema'));
}
