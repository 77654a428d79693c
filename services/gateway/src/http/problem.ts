import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { ERRORS, SluiceError } from '@sluice/core';
import type { Problem } from '@sluice/protocol';
import type { Observer } from '../domain/ports.js';

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** Answers with RFC 9457 problem details. */
export function sendProblem(response: Response, error: SluiceError, status?: number): void {
  const answered = status ?? ERRORS[error.code].http;
  const problem: Problem = {
    type: 'about:blank',
    title: TITLES[answered] ?? 'Error',
    status: answered,
    detail: error.message,
    code: error.code,
  };
  if (answered === 401) response.set('WWW-Authenticate', 'Bearer');
  if (answered === 429 || answered === 503) response.set('Retry-After', '1');
  response.status(answered).type('application/problem+json').send(JSON.stringify(problem));
}

export const unknownPath: RequestHandler = (_request, response) => {
  sendProblem(response, new SluiceError('NOT_FOUND', 'there is nothing at this path'));
};

/** The last handler: turns whatever was thrown into a problem. */
export function errorHandler(observer: Observer): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (error: unknown, _request, response, _next) => {
    const failure = fromExpress(error) ?? SluiceError.from(error);
    if (failure.code === 'INTERNAL') observer.trouble(error, 'answering an HTTP request');
    if (response.headersSent) response.destroy();
    else sendProblem(response, failure);
  };
}

/** What express and its body parser throw at a client's mistake. */
function fromExpress(error: unknown): SluiceError | undefined {
  const { status, type } = error as { status?: unknown; type?: unknown };
  if (error instanceof SluiceError || typeof status !== 'number' || status >= 500) return undefined;
  if (type === 'entity.too.large') return new SluiceError('TOO_LARGE', 'the body is too large');
  if (type === 'entity.parse.failed') {
    return new SluiceError('INVALID_ARGUMENT', 'the body is not JSON');
  }
  return new SluiceError('INVALID_ARGUMENT', 'the request is malformed');
}
