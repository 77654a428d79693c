import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { SluiceError } from '@sluice/core';
import { OpenPipeRequest, OpenRelayRequest, OpenRelayResponse } from '@sluice/proto-gen/media_node';
import {
  parseOpenPipeRequest,
  parseOpenRelayRequest,
  parseOpenRelayResponse,
} from './relay-messages.js';

const ref = { nodeId: 'a', bootId: 'b', routerId: 'r', grpcAddress: '127.0.0.1:1' };
const end = {
  ip: '10.0.0.1',
  port: 4_000,
  srtpCryptoSuite: 'AEAD_AES_256_GCM',
  srtpKeyBase64: `${'A'.repeat(59)}=`,
};
const pipe = { pipeId: 'p', from: ref, to: ref, end, ticket: 't' };
const stream = { room: 'r', participant: 'p', purpose: 's' };
const relay = { stream, epoch: 1, from: ref, to: ref, pipeId: 'p', ticket: 't' };

const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error;

describe('messages of peers', () => {
  it('pass when nodes of the cluster sent them', () => {
    expect(parseOpenPipeRequest(pipe)).toEqual(pipe);
    const request: OpenRelayRequest = { message: { $case: 'request', value: relay } };
    expect(parseOpenRelayRequest(request)).toEqual(request);
    const tracks: OpenRelayResponse = {
      message: { $case: 'tracks', value: { tracks: [], path: ['a', 'b'] } },
    };
    expect(parseOpenRelayResponse(tracks)).toEqual(tracks);
  });

  it.each([
    ['no pipe id', { pipeId: '' }],
    ['a pipe id that is no token', { pipeId: 'a b' }],
    ['no router', { from: undefined }],
    ['a node id that is no token', { to: { ...ref, nodeId: 'a.>' } }],
    ['an endless address', { from: { ...ref, grpcAddress: 'x'.repeat(301) } }],
    ['no end', { end: undefined }],
    ['a name for an IP address', { end: { ...end, ip: 'host.example' } }],
    ['port 0', { end: { ...end, port: 0 } }],
    ['a port beyond all ports', { end: { ...end, port: 65_536 } }],
    ['a key of another length', { end: { ...end, srtpKeyBase64: 'AAAA' } }],
  ])('are refused for %s', (_what, changes) => {
    expect(() => parseOpenPipeRequest({ ...pipe, ...changes })).toThrow(invalid);
  });

  it.each([
    ['no stream', { stream: undefined }],
    ['an empty name', { stream: { ...stream, room: '' } }],
    ['an endless name', { stream: { ...stream, purpose: 'x'.repeat(129) } }],
    ['no puller', { to: undefined }],
  ])('are refused in a relay request for %s', (_what, changes) => {
    const value = { ...relay, ...changes };
    expect(() => parseOpenRelayRequest({ message: { $case: 'request', value } })).toThrow(invalid);
  });

  it('are refused when empty', () => {
    expect(() => parseOpenRelayRequest({})).toThrow(invalid);
    expect(() => parseOpenRelayResponse({})).toThrow(invalid);
  });

  it('are refused for a path that cannot be', () => {
    const withPath = (path: string[]): OpenRelayResponse => ({
      message: { $case: 'tracks', value: { tracks: [], path } },
    });
    expect(() => parseOpenRelayResponse(withPath([]))).toThrow(invalid);
    expect(() => parseOpenRelayResponse(withPath(new Array<string>(33).fill('a')))).toThrow(
      invalid,
    );
    expect(() => parseOpenRelayResponse(withPath(['a\n']))).toThrow(invalid);
  });

  it('whatever the bytes, give a message or a typed error', () => {
    const outcomes = (decode: () => unknown) => {
      try {
        decode();
      } catch (error) {
        expect(error).toBeInstanceOf(SluiceError);
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const pipeRequest = decoded(() => OpenPipeRequest.decode(bytes));
        const relayRequest = decoded(() => OpenRelayRequest.decode(bytes));
        const relayResponse = decoded(() => OpenRelayResponse.decode(bytes));
        if (pipeRequest) outcomes(() => parseOpenPipeRequest(pipeRequest));
        if (relayRequest) outcomes(() => parseOpenRelayRequest(relayRequest));
        if (relayResponse) outcomes(() => parseOpenRelayResponse(relayResponse));
      }),
    );
  });
});

/** gRPC itself refuses what is no protobuf. */
function decoded<Message>(decode: () => Message): Message | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
