import type { Request, RequestHandler } from 'express';
import type { ZodType } from 'zod';
import { SluiceError } from '@sluice/core';
import { sendProblem } from './problem.js';

export const BODY_MAX_BYTES = 64 * 1024;

/** @throws {SluiceError} UNAUTHENTICATED. */
export function bearerOf(request: Request): string {
  const [scheme, token, ...rest] = (request.headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() === 'bearer' && token && rest.length === 0) return token;
  throw new SluiceError('UNAUTHENTICATED', 'send a token: Authorization: Bearer …');
}

export function onlyMethods(allowed: string): RequestHandler {
  return (_request, response) => {
    response.set('Allow', allowed);
    const error = new SluiceError('INVALID_ARGUMENT', `only ${allowed} is understood here`);
    sendProblem(response, error, 405);
  };
}

/** @throws {SluiceError} INVALID_ARGUMENT naming the fields that are wrong. */
export function parseBody<Body>(schema: ZodType<Body>, body: unknown): Body {
  if (body === undefined) {
    throw new SluiceError('INVALID_ARGUMENT', 'send a body of Content-Type application/json');
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => issue.path.join('.') || 'unknown fields');
  throw new SluiceError('INVALID_ARGUMENT', `malformed: ${[...new Set(fields)].join(', ')}`);
}

/** One of another Content-Type is not parsed, and must not be taken for none. */
export function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
