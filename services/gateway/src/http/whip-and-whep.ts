import { text, Router, type Request, type RequestHandler, type Response } from 'express';
import { DEFAULT_PURPOSE, SluiceError, hasCode, parseName, type StreamName } from '@sluice/core';
import type { Identity } from '@sluice/tokens';
import type { Access } from '../domain/access/access.js';
import type { Made, HttpDialect, ResourceSessions } from '../domain/sessions/resource-sessions.js';
import { onlyMethods } from './api-parts.js';
import { credentialsOf } from './credentials.js';
import { pathPrefix } from './path-prefix.js';
import { sendProblem } from './problem.js';

/** Offers of browsers have some 10 KB. */
const BODY_MAX_BYTES = 64 * 1024;
const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';
/** When to look again for a stream that nobody publishes. */
const RETRY_AFTER_S = 2;

export interface WhipAndWhepOptions {
  readonly access: Access;
  readonly sessions: ResourceSessions;
  /** As Link headers. */
  readonly iceServerLinks: readonly string[];
  /** Trusted proxies in front of this gateway. */
  readonly proxies: number;
  /** Undefined lets pages of any Origin in. */
  readonly allowedOrigins: readonly string[] | undefined;
}

/** WHIP (RFC 9725) and WHEP: a session is a POST, and a resource to change and end it by. */
export function whipAndWhep(options: WhipAndWhepOptions): Router {
  const router = Router();
  for (const dialect of ['whip', 'whep'] as const) {
    if (options.access.isOn(dialect)) serve(router, dialect, options);
  }
  return router;
}

/** Where sessions are made; what they are called is `whip-sessions` and `whep-sessions`. */
function serve(router: Router, dialect: HttpDialect, options: WhipAndWhepOptions): void {
  const body = text({ type: () => true, limit: BODY_MAX_BYTES });
  const identify = (request: Request) => options.access.identify(dialect, credentialsOf(request));
  router
    .route(`/${dialect}/:room/:participant{/:purpose}`)
    .all(openToPages(options.allowedOrigins, 'POST, OPTIONS'))
    .options(options200({ 'Accept-Post': SDP }))
    .post(body, async (request, response) => {
      const identity = await identify(request);
      const stream = streamOf(request);
      await create(dialect, options, { identity, stream, request, response });
    })
    .all(onlyMethods('POST, OPTIONS'));
  router
    .route(`/${dialect}-sessions/:resource`)
    .all(openToPages(options.allowedOrigins, 'PATCH, DELETE, OPTIONS'))
    .options(options200({ 'Accept-Patch': patchable(dialect) }))
    .patch(body, async (request, response) => {
      const identity = await identify(request);
      await patch(dialect, options, { identity, request, response });
    })
    .delete(async (request, response) => {
      const identity = await identify(request);
      await options.sessions.end(identity, dialect, resourceOf(request));
      response.status(200).set('Content-Length', '0').end();
    })
    .all(onlyMethods('PATCH, DELETE, OPTIONS'));
}

interface Exchange {
  readonly identity: Identity;
  readonly request: Request;
  readonly response: Response;
}

async function create(
  dialect: HttpDialect,
  { sessions, iceServerLinks, proxies }: WhipAndWhepOptions,
  { identity, stream, request, response }: Exchange & { readonly stream: StreamName },
): Promise<void> {
  const sdp = bodyOf(request);
  // A player may let us offer: it sends nothing.
  const offered = dialect === 'whip' || sdp !== '';
  if (offered && !request.is(SDP)) {
    sendProblem(response, unsupportedType(SDP), 415);
    return;
  }
  const make =
    dialect === 'whip'
      ? sessions.publish(identity, stream, sdp)
      : sessions.play(identity, stream, sdp);
  const made = await make.catch((error: unknown) => {
    // Nobody publishes it now: WHEP calls that a conflict, and has players come again.
    if (dialect !== 'whep' || !hasCode(error, 'NOT_FOUND')) throw error;
    response.set('Retry-After', String(RETRY_AFTER_S));
    sendProblem(response, error, 409);
    return undefined;
  });
  if (!made) return;
  if (iceServerLinks.length > 0) response.append('Link', [...iceServerLinks]);
  response
    // What a player cannot be sent as it offered is offered to it instead.
    .status(made.isCounterOffer ? 406 : 201)
    .set({
      Location: `${pathPrefix(request, proxies)}/${dialect}-sessions/${made.resource}`,
      ETag: tagOf(made),
      'Accept-Patch': patchable(dialect),
      'Content-Type': SDP,
      'Content-Length': String(Buffer.byteLength(made.sdp)),
    })
    .end(made.sdp);
}

async function patch(
  dialect: HttpDialect,
  { sessions }: WhipAndWhepOptions,
  { identity, request, response }: Exchange,
): Promise<void> {
  if (dialect === 'whep' && request.is(SDP)) {
    await sessions.answer(identity, resourceOf(request), bodyOf(request));
    response.status(204).end();
    return;
  }
  if (!request.is(FRAGMENT)) {
    response.set('Accept-Patch', patchable(dialect));
    sendProblem(response, unsupportedType(patchable(dialect)), 415);
    return;
  }
  const known = knownTag(request.headers['if-match']);
  if (known === undefined) {
    const missing = new SluiceError('INVALID_STATE', 'the request needs If-Match');
    sendProblem(response, missing, 428);
    return;
  }
  const ice = { known, fragment: bodyOf(request) };
  const update = await sessions
    .updateIce(identity, dialect, resourceOf(request), ice)
    .catch((error: unknown) => {
      if (!hasCode(error, 'INVALID_STATE')) throw error;
      sendProblem(response, error, 422);
      return undefined;
    });
  if (!update) return;
  if (update.kind === 'restarted') {
    response
      .status(200)
      .set({
        ETag: `"${update.usernameFragment}"`,
        'Content-Type': FRAGMENT,
        'Content-Length': String(Buffer.byteLength(update.fragment)),
      })
      .end(update.fragment);
  } else if (update.kind === 'trickled') response.status(204).end();
  else
    sendProblem(
      response,
      new SluiceError('INVALID_STATE', 'another ICE session is under way'),
      412,
    );
}

/** @throws {SluiceError} INVALID_ARGUMENT. */
function streamOf({ params }: Request): StreamName {
  const { room, participant, purpose = DEFAULT_PURPOSE } = params as Record<string, string>;
  return {
    room: parseName('room', room ?? ''),
    participant: parseName('participant', participant ?? ''),
    purpose: parseName('purpose', purpose),
  };
}

function resourceOf({ params }: Request): string {
  const { resource } = params as Record<string, string>;
  return resource ?? '';
}

function bodyOf({ body }: Request): string {
  return typeof body === 'string' ? body : '';
}

function patchable(dialect: HttpDialect): string {
  return dialect === 'whep' ? `${FRAGMENT}, ${SDP}` : FRAGMENT;
}

/** The ICE session, by our username fragment, which each restart draws anew. */
function tagOf({ sdp }: Made): string {
  const [, usernameFragment = ''] = /^a=ice-ufrag:(\S+)/m.exec(sdp) ?? [];
  return `"${usernameFragment}"`;
}

/** What of ours the client knows: a username fragment, `*`, or one that never was. */
function knownTag(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === '*' || header.trim() === '"*"') return '*';
  return /^\s*"([\w+/-]{1,256})"\s*$/.exec(header)?.[1] ?? '';
}

function unsupportedType(wanted: string): SluiceError {
  return new SluiceError('INVALID_ARGUMENT', `the body must be ${wanted}`);
}

function options200(headers: Readonly<Record<string, string>>): RequestHandler {
  return (_request, response) => {
    response
      .status(200)
      .set({ ...headers, 'Content-Length': '0' })
      .end();
  };
}

function openToPages(
  allowedOrigins: readonly string[] | undefined,
  methods: string,
): RequestHandler {
  return (request, response, next) => {
    response.set({
      Vary: 'Origin',
      'Cache-Control': 'no-store',
      'Access-Control-Allow-Methods': methods,
      'Access-Control-Allow-Headers': 'Authorization, Content-Type, If-Match',
      'Access-Control-Expose-Headers':
        'Location, ETag, Link, Accept-Patch, Accept-Post, Retry-After',
      'Access-Control-Max-Age': '600',
    });
    const { origin } = request.headers;
    if (!allowedOrigins) response.set('Access-Control-Allow-Origin', '*');
    else if (origin !== undefined && allowedOrigins.includes(origin)) {
      response.set('Access-Control-Allow-Origin', origin);
    }
    next();
  };
}
