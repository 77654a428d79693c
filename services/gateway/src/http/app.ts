import express, { type Express, type RequestHandler } from 'express';
import { SluiceError, type Clock } from '@sluice/core';
import { KeyedBuckets } from '../domain/access/keyed-buckets.js';
import type { Observer } from '../domain/ports.js';
import { api, type ApiPorts } from './api.js';
import { clientAddress } from './client-address.js';
import { consoleFiles } from './console-files.js';
import { errorHandler, unknownPath } from './problem.js';
import { roomsApi, type RoomsApiPorts } from './rooms-api.js';
import { umbrella, type UmbrellaOptions } from './umbrella.js';
import { sfuToSfu, type SfuToSfuPorts } from './sfu-to-sfu.js';
import { whipAndWhep, type WhipAndWhepOptions } from './whip-and-whep.js';
import { requestSpan } from './request-span.js';

const REQUESTS_PER_SECOND = 50;
const REQUESTS_BURST = 200;

export interface AppOptions
  extends
    ApiPorts,
    Omit<SfuToSfuPorts, 'access'>,
    WhipAndWhepOptions,
    RoomsApiPorts,
    UmbrellaOptions {
  readonly clock: Clock;
  readonly observer: Observer;
  readonly allowedOrigins: readonly string[] | undefined;
  /** Trusted proxies in front of this gateway. */
  readonly proxies: number;
  /** The built web page; undefined serves none. */
  readonly consoleFolder: string | undefined;
}

/** Everything that is answered over HTTP. */
export function httpApp(options: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(plainHeaders);
  app.get('/health', (_request, response) => {
    response.set('Cache-Control', 'no-store').json({ status: 'ok' });
  });
  app.use(requestSpan);
  app.use('/api/v1/rooms', cors(options.allowedOrigins), limited(options), roomsApi(options));
  app.use('/api/v1', cors(options.allowedOrigins), limited(options), api(options));
  if (options.access.isOn('sfu-to-sfu')) {
    app.use('/createSession', limited(options));
    app.use(sfuToSfu(options));
  }
  if (options.access.isOn('umbrella')) {
    app.use(['/servers', '/status', '/sfu'], limited(options));
    app.use(umbrella(options));
  }
  app.use(['/whip', '/whep', '/whip-sessions', '/whep-sessions'], limited(options));
  app.use(whipAndWhep(options));
  if (options.consoleFolder !== undefined) app.use(consoleFiles(options.consoleFolder));
  app.use(unknownPath);
  app.use(errorHandler(options.observer));
  return app;
}

const plainHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  });
  next();
};

function cors(allowedOrigins: readonly string[] | undefined): RequestHandler {
  return (request, response, next) => {
    response.set({ Vary: 'Origin', 'Cache-Control': 'no-store' });
    const { origin } = request.headers;
    if (!allowedOrigins) response.set('Access-Control-Allow-Origin', '*');
    else if (origin !== undefined && allowedOrigins.includes(origin)) {
      response.set('Access-Control-Allow-Origin', origin);
    }
    if (request.method !== 'OPTIONS') {
      next();
      return;
    }
    response
      .set({
        'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE, OPTIONS',
        'Access-Control-Allow-Headers': 'Authorization, Content-Type',
        'Access-Control-Max-Age': '600',
      })
      .status(204)
      .end();
  };
}

function limited({ clock, proxies }: AppOptions): RequestHandler {
  const buckets = new KeyedBuckets(clock, REQUESTS_PER_SECOND, REQUESTS_BURST);
  return (request, _response, next) => {
    if (!buckets.take(clientAddress(request, proxies))) {
      throw new SluiceError('RATE_LIMITED', 'too many requests');
    }
    next();
  };
}
