import { isIP } from 'node:net';
import { NodeId, RouterId, SluiceError, parseName, type StreamName } from '@sluice/core';
import type { RouterRef } from '@sluice/proto-gen/common';
import type {
  OpenPipeRequest,
  OpenPipeResponse,
  OpenRelayRequest,
  OpenRelayResponse,
  PipeEnd,
  RelayRequest,
} from '@sluice/proto-gen/media_node';

/** Ids that nodes draw: boots and pipes. */
const DRAWN_ID = /^[A-Za-z0-9_-]{1,64}$/;
/** A master key and salt for AEAD_AES_256_GCM: 44 bytes. */
const SRTP_KEY = /^[A-Za-z0-9+/]{59}=$/;
const ADDRESS_MAX_CHARACTERS = 300;
/** Relay trees are a few nodes deep. */
const PATH_MAX_NODES = 32;
const REASON_MAX_CHARACTERS = 200;

/** @throws {SluiceError} INVALID_ARGUMENT for what no node of the cluster sends; so do all here. */
export function parseOpenPipeRequest(request: OpenPipeRequest): OpenPipeRequest {
  return {
    pipeId: parseDrawnId('pipe', request.pipeId),
    from: parseRouterRef(request.from),
    to: parseRouterRef(request.to),
    end: parsePipeEnd(request.end),
    ticket: request.ticket,
  };
}

export function parseOpenPipeResponse(response: OpenPipeResponse): OpenPipeResponse {
  return { end: parsePipeEnd(response.end) };
}

export function parseOpenRelayRequest({ message }: OpenRelayRequest): OpenRelayRequest {
  if (message?.$case === 'request') {
    return { message: { $case: 'request', value: parseRelayRequest(message.value) } };
  }
  if (!message) throw invalid('an empty message');
  return { message };
}

export function parseOpenRelayResponse({ message }: OpenRelayResponse): OpenRelayResponse {
  if (!message) throw invalid('an empty message');
  if (message.$case === 'ended') {
    const reason = message.value.reason.slice(0, REASON_MAX_CHARACTERS);
    return { message: { $case: 'ended', value: { reason } } };
  }
  const { tracks, path, data } = message.value;
  if (path.length === 0 || path.length > PATH_MAX_NODES) throw invalid('a path of odd length');
  const value = { tracks, path: path.map(NodeId), ...(data && { data }) };
  return { message: { $case: 'tracks', value } };
}

export function parseStreamName(name: StreamName | undefined): StreamName {
  if (!name) throw invalid('a stream without a name');
  return {
    room: parseName('room', name.room),
    participant: parseName('participant', name.participant),
    purpose: parseName('purpose', name.purpose),
  };
}

function parseRelayRequest(request: RelayRequest): RelayRequest {
  return {
    stream: parseStreamName(request.stream),
    epoch: request.epoch,
    from: parseRouterRef(request.from),
    to: parseRouterRef(request.to),
    pipeId: parseDrawnId('pipe', request.pipeId),
    ticket: request.ticket,
  };
}

function parseRouterRef(ref: RouterRef | undefined): RouterRef {
  if (!ref) throw invalid('a router is missing');
  if (ref.grpcAddress.length > ADDRESS_MAX_CHARACTERS) throw invalid('an address too long');
  return {
    nodeId: NodeId(ref.nodeId),
    bootId: parseDrawnId('boot', ref.bootId),
    routerId: RouterId(ref.routerId),
    grpcAddress: ref.grpcAddress,
  };
}

function parsePipeEnd(end: PipeEnd | undefined): PipeEnd {
  if (!end) throw invalid('a pipe end is missing');
  if (isIP(end.ip) === 0) throw invalid('a pipe end without an IP address');
  if (end.port < 1 || end.port > 65_535) throw invalid('a pipe end without a port');
  if (end.srtpKeyBase64 !== '' && !SRTP_KEY.test(end.srtpKeyBase64)) {
    throw invalid('a malformed SRTP key');
  }
  return end;
}

function parseDrawnId(noun: string, id: string): string {
  if (!DRAWN_ID.test(id)) throw invalid(`a malformed ${noun} id`);
  return id;
}

function invalid(problem: string): SluiceError {
  return new SluiceError('INVALID_ARGUMENT', `a peer sent ${problem}`);
}
