import type { Request, RequestHandler } from 'express';
import { openSpan, tracing } from '@sluice/tracing';

/**
 * A span for each request. A trace that a client says it belongs to is not continued: strangers
 * decide neither on ids nor on what is sampled.
 */
export const requestSpan: RequestHandler = (request, response, next) => {
  if (!tracing.on) {
    next();
    return;
  }
  const attributes = { 'http.request.method': request.method };
  const span = openSpan({ name: `HTTP ${request.method}`, kind: 'server', attributes });
  response.once('close', () => {
    const { statusCode } = response;
    span.describe({ 'http.route': routeOf(request), 'http.response.status_code': statusCode });
    span.end(
      statusCode >= 500 ? Object.assign(new Error(), { code: String(statusCode) }) : undefined,
    );
  });
  span.run(next);
};

/** The pattern that matched, never the path, which names rooms and people. */
function routeOf({ route }: Request): string {
  const { path } = (route ?? {}) as { readonly path?: unknown };
  return typeof path === 'string' ? path : '';
}
