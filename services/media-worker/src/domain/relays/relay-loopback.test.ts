import { describe, expect, it } from 'vitest';
import { SluiceError } from '@sluice/core';
import type { OpenRelayRequest, OpenRelayResponse } from '@sluice/proto-gen/media_node';
import { loopbackPeer } from './relay-loopback.js';
import type { PeerCall, ServeCall } from '../pipes/relay-peers.js';

type Serve = ServeCall<OpenRelayRequest, OpenRelayResponse>;

const call = (serve: Serve): PeerCall<OpenRelayRequest, OpenRelayResponse> =>
  loopbackPeer({ openPipe: () => Promise.resolve(), openRelay: serve }).openRelay();

const paused = (value: boolean): OpenRelayRequest => ({ message: { $case: 'paused', value } });
const ended = (reason: string): OpenRelayResponse => ({
  message: { $case: 'ended', value: { reason } },
});

describe('a call within the node', () => {
  it('carries messages both ways in order, however far ahead the writer is', async () => {
    const heard: OpenRelayRequest[] = [];
    const { responses, send, end } = call(async (requests, write) => {
      write(ended('1'));
      for await (const request of requests) {
        heard.push(request);
        write(ended(String(heard.length + 1)));
      }
    });
    send(paused(true));
    send(paused(false));

    const answers = [await responses.next(), await responses.next(), await responses.next()];

    expect(answers.map(({ value }) => value as unknown)).toEqual(['1', '2', '3'].map(ended));
    expect(heard).toEqual([paused(true), paused(false)]);
    end();
  });

  it('ends for the caller when the callee returns, after what it wrote', async () => {
    const { responses } = call((_requests, write) => {
      write(ended('bye'));
      return Promise.resolve();
    });
    expect(await responses.next()).toEqual({ value: ended('bye'), done: false });
    expect(await responses.next()).toMatchObject({ done: true });
  });

  it("throws the callee's error to a caller that waits", async () => {
    const failing = Promise.withResolvers<undefined>();
    const { responses } = call(() => failing.promise);
    const next = responses.next();
    failing.reject(new SluiceError('STALE_EPOCH', 'old'));
    await expect(next).rejects.toMatchObject({ code: 'STALE_EPOCH' });
  });

  it('shows the callee that the caller has gone', async () => {
    const seen = Promise.withResolvers<{ aborted: boolean; requests: number }>();
    const { responses, end, send } = call(async (requests, _write, { signal }) => {
      let count = 0;
      for await (const request of requests) count += request.message ? 1 : 0;
      seen.resolve({ aborted: signal.aborted, requests: count });
    });
    send(paused(true));
    end();
    send(paused(false));
    expect(await seen.promise).toEqual({ aborted: true, requests: 1 });
    expect(await responses.next()).toMatchObject({ done: true });
  });
});
