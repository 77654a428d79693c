import { z } from 'zod';
import {
  answerRequest,
  drainRequest,
  ingestRequest,
  ingestRow,
  lockRequest,
  muteRequest,
  nodeRow,
  offerRequest,
  offerResponse,
  relayRow,
  sessionRequest,
  sessionResponse,
  streamRow,
  tokenRequest,
  tokenResponse,
} from '@sluice/protocol';

/** One method of one path below `/api/v1`. */
export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  readonly path: string;
  readonly summary: string;
  /** Whom it asks for: a token with that grant, or any token, or none. */
  readonly needs: 'admin' | 'host' | 'ingest' | 'subscribe' | 'reader' | 'nothing';
  readonly request?: { readonly body: z.ZodType; readonly optional?: boolean };
  readonly status: number;
  readonly answer?: z.ZodType;
}

/** What the API understands; a test compares it with the routes. */
export const OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/openapi.json',
    summary: 'This description',
    needs: 'nothing',
    status: 200,
    answer: z.looseObject({}),
  },
  {
    method: 'post',
    path: '/tokens',
    summary: 'Issues a token',
    needs: 'admin',
    request: { body: tokenRequest },
    status: 200,
    answer: tokenResponse,
  },
  {
    method: 'get',
    path: '/streams',
    summary: 'Every published stream',
    needs: 'reader',
    status: 200,
    answer: z.array(streamRow),
  },
  {
    method: 'get',
    path: '/relays',
    summary: 'Every stream that is carried from one router to another',
    needs: 'reader',
    status: 200,
    answer: z.array(relayRow),
  },
  {
    method: 'get',
    path: '/nodes',
    summary: 'Every media node',
    needs: 'reader',
    status: 200,
    answer: z.array(nodeRow),
  },
  {
    method: 'post',
    path: '/nodes/{nodeId}/drain',
    summary: 'Moves everybody off a node',
    needs: 'admin',
    request: { body: drainRequest, optional: true },
    status: 202,
    answer: drainRequest.pick({ deadlineMs: true }),
  },
  {
    method: 'post',
    path: '/nodes/{nodeId}/undrain',
    summary: 'Lets a node serve again',
    needs: 'admin',
    status: 204,
  },
  {
    method: 'get',
    path: '/ingests',
    summary: 'The cameras of the rooms that the token is for',
    needs: 'ingest',
    status: 200,
    answer: z.array(ingestRow),
  },
  {
    method: 'post',
    path: '/ingests',
    summary: 'Has a camera pulled into a room',
    needs: 'ingest',
    request: { body: ingestRequest },
    status: 201,
    answer: ingestRequest.pick({ id: true }),
  },
  {
    method: 'delete',
    path: '/ingests/{ingestId}',
    summary: 'Stops pulling a camera',
    needs: 'ingest',
    status: 204,
  },
  {
    method: 'post',
    path: '/rooms/{room}/sessions',
    summary: 'Makes a session whose first offer is the server’s',
    needs: 'subscribe',
    request: { body: sessionRequest, optional: true },
    status: 201,
    answer: sessionResponse,
  },
  {
    method: 'put',
    path: '/rooms/{room}/sessions/{session}/answer',
    summary: 'Completes it; whoever has the session’s name may',
    needs: 'nothing',
    request: { body: answerRequest },
    status: 204,
  },
  {
    method: 'put',
    path: '/rooms/{room}/sessions/{session}/offer',
    summary: 'Offers on it, to publish; whoever has the session’s name may',
    needs: 'nothing',
    request: { body: offerRequest },
    status: 200,
    answer: offerResponse,
  },
  {
    method: 'delete',
    path: '/rooms/{room}/sessions/{session}',
    summary: 'Ends it; whoever has the session’s name may',
    needs: 'nothing',
    status: 204,
  },
  {
    method: 'post',
    path: '/rooms/{room}/lock',
    summary: 'Lets nobody new in, or everybody again',
    needs: 'host',
    request: { body: lockRequest, optional: true },
    status: 204,
  },
  {
    method: 'post',
    path: '/rooms/{room}/participants/{participant}/mute',
    summary: 'Mutes what a participant publishes, or no longer',
    needs: 'host',
    request: { body: muteRequest, optional: true },
    status: 204,
  },
  {
    method: 'delete',
    path: '/rooms/{room}/participants/{participant}',
    summary: 'Removes a participant',
    needs: 'host',
    status: 204,
  },
  {
    method: 'delete',
    path: '/rooms/{room}',
    summary: 'Ends all sessions in the room',
    needs: 'host',
    status: 204,
  },
];
