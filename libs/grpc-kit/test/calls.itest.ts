import { ServerCredentials, credentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ERRORS, SluiceError, type ErrorCode } from '@sluice/core';
import { eventually } from '@sluice/testing';
import {
  CLIENT_OPTIONS,
  bidiStream,
  callUnary,
  responsesOf,
  serverStream,
  startGrpcServer,
  unary,
  type GrpcServer,
} from '@sluice/grpc-kit';
import { Talk, TalkClient, wireTo, type Wire, type Words } from './talk.fixture.js';

type Write = (words: Words) => void;

let ask: (request: Words, signal: AbortSignal) => Promise<Words>;
let listen: (request: Words, write: Write, signal: AbortSignal) => Promise<void>;
let chat: (requests: AsyncIterable<Words>, write: Write, signal: AbortSignal) => Promise<void>;
let reported: SluiceError[];
let server: GrpcServer;
let wire: Wire;
let client: TalkClient;

beforeEach(async () => {
  reported = [];
  const report = (error: SluiceError) => reported.push(error);
  server = await startGrpcServer('127.0.0.1:0', ServerCredentials.createInsecure(), [
    [
      Talk,
      {
        ask: unary<Words, Words>((request, { signal }) => ask(request, signal), report),
        listen: serverStream<Words, Words>(
          (request, write, { signal }) => listen(request, write, signal),
          report,
        ),
        chat: bidiStream<Words, Words>(
          (requests, write, { signal }) => chat(requests, write, signal),
          report,
        ),
      },
    ],
  ]);
  wire = await wireTo(server.address);
  client = new TalkClient(wire.address, credentials.createInsecure(), CLIENT_OPTIONS);
});

afterEach(async () => {
  client.close();
  await wire.stop();
  await server.stop(0);
});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function readAll(responses: AsyncIterable<Words>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of responses) texts.push(text);
  return texts;
}

const say = (text: string): Words => ({ text });

describe('one question, one answer', () => {
  test.each(Object.keys(ERRORS) as ErrorCode[])(
    '%s arrives as itself, with its message and details',
    async (code) => {
      const details = { noun: 'stream', epoch: 3, held: true };
      ask = () => Promise.reject(new SluiceError(code, 'the message: é 流', details));
      await expect(callUnary(client, Talk.ask, say(''), 2_000)).rejects.toMatchObject({
        code,
        message: 'the message: é 流',
        details,
      });
      expect(reported.map((error) => error.code)).toEqual([code]);
    },
  );

  test('the text of an unforeseen error stays where it happened', async () => {
    ask = () => Promise.reject(new TypeError('secret of /etc/passwd'));
    const error: unknown = await callUnary(client, Talk.ask, say(''), 2_000).catch(
      (e: unknown) => e,
    );
    expect(error).toMatchObject({ code: 'INTERNAL', message: 'internal error' });
    expect(JSON.stringify(error)).not.toContain('passwd');
    expect(reported[0]?.cause).toBeInstanceOf(TypeError);
  });

  test('a use case that throws before its first await is answered as well', async () => {
    ask = () => {
      throw new SluiceError('NOT_FOUND', 'not here');
    };
    await expect(callUnary(client, Talk.ask, say(''), 2_000)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  test('a deadline ends the call here and aborts it there', async () => {
    let abortedThere = false;
    ask = async (_request, signal) => {
      await aborted(signal);
      abortedThere = true;
      return say('too late');
    };
    await expect(callUnary(client, Talk.ask, say(''), 200)).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: 'no answer in time',
    });
    await eventually(() => (abortedThere ? undefined : 'still running'));
  });

  test('a caller that cancels aborts the call there, also when it cancelled before', async () => {
    let aborts = 0;
    ask = async (_request, signal) => {
      await aborted(signal);
      aborts += 1;
      return say('nobody hears');
    };
    const controller = new AbortController();
    const call = callUnary(client, Talk.ask, say(''), 10_000, controller.signal);
    call.catch(() => undefined);
    await eventually(async () => {
      controller.abort();
      await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      return undefined;
    });
    await expect(
      callUnary(client, Talk.ask, say(''), 10_000, AbortSignal.abort()),
    ).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(aborts).toBeLessThanOrEqual(1);
  });

  test('a broken connection ends the call as UNAVAILABLE and aborts it there', async () => {
    let running = false;
    let abortedThere = false;
    ask = async (_request, signal) => {
      running = true;
      await aborted(signal);
      abortedThere = true;
      return say('');
    };
    const call = callUnary(client, Talk.ask, say(''), 10_000);
    call.catch(() => undefined);
    await eventually(() => (running ? undefined : 'not asked yet'));
    wire.cut();
    await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await eventually(() => (abortedThere ? undefined : 'still running'));
  });

  test('a message beyond the bound is refused without an answer of the use case', async () => {
    let asked = false;
    ask = (request) => {
      asked = true;
      return Promise.resolve(request);
    };
    const huge = say('x'.repeat(5 * 1024 * 1024));
    const refused: unknown = await callUnary(client, Talk.ask, huge, 5_000).catch(
      (error: unknown) => error,
    );
    expect(refused).toBeInstanceOf(SluiceError);
    expect(asked).toBe(false);
    ask = (request) => Promise.resolve(request);
    expect(await callUnary(client, Talk.ask, say('after'), 2_000)).toEqual(say('after'));
  });
});

describe('one question, many answers', () => {
  test('all arrive in order, then the end', async () => {
    listen = ({ text }, write) => {
      for (let index = 0; index < 500; index += 1) write(say(`${text} ${String(index)}`));
      return Promise.resolve();
    };
    const texts = await readAll(responsesOf(client.listen(say('n'))));
    expect(texts).toEqual(Array.from({ length: 500 }, (_, index) => `n ${String(index)}`));
  });

  test('an error in the middle arrives after what was written, with its code', async () => {
    listen = async (_request, write) => {
      write(say('one'));
      await Promise.resolve();
      throw new SluiceError('STALE_EPOCH', 'moved', { epoch: 4 });
    };
    const texts: string[] = [];
    const reading = (async () => {
      for await (const { text } of responsesOf(client.listen(say('')))) texts.push(text);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'STALE_EPOCH', details: { epoch: 4 } });
    expect(texts).toEqual(['one']);
    expect(reported.map(({ code }) => code)).toEqual(['STALE_EPOCH']);
  });

  test('a reader that stops early aborts the writer, without an error there', async () => {
    let abortedThere = false;
    listen = async (_request, write, signal) => {
      write(say('one'));
      await aborted(signal);
      abortedThere = true;
      throw new Error('after the abort');
    };
    for await (const { text } of responsesOf(client.listen(say('')))) {
      expect(text).toBe('one');
      break;
    }
    await eventually(() => (abortedThere ? undefined : 'still running'));
    expect(reported).toEqual([]);
  });

  test('a broken connection ends the reader as UNAVAILABLE and aborts the writer', async () => {
    let abortedThere = false;
    listen = async (_request, write, signal) => {
      write(say('one'));
      await aborted(signal);
      abortedThere = true;
    };
    const reading = (async () => {
      for await (const { text } of responsesOf(client.listen(say('')))) {
        expect(text).toBe('one');
        wire.cut();
      }
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'the service is unavailable',
    });
    await eventually(() => (abortedThere ? undefined : 'still running'));
    listen = (_request, write) => {
      write(say('again'));
      return Promise.resolve();
    };
    await eventually(async () => {
      expect(await readAll(responsesOf(client.listen(say(''))))).toEqual(['again']);
      return undefined;
    });
  });

  test('a reader that does not read ends its call instead of filling the writer’s memory', async () => {
    let written = 0;
    listen = async (_request, write, signal) => {
      const flood = setInterval(() => {
        for (let index = 0; index < 100; index += 1) write(say('x'.repeat(10_000)));
        written += 100;
      }, 1);
      await aborted(signal);
      clearInterval(flood);
    };
    const call = client.listen(say(''));
    call.on('error', () => undefined);
    call.pause();
    await eventually(() =>
      reported.length > 0 ? undefined : `nothing reported after ${String(written)} messages`,
    );
    expect(reported[0]).toMatchObject({ code: 'UNAVAILABLE', message: 'the reader is too slow' });
    call.cancel();
  });
});

describe('a conversation', () => {
  test('questions and answers alternate until the caller has no more to say', async () => {
    chat = async (requests, write) => {
      for await (const { text } of requests) write(say(`you said ${text}`));
      write(say('bye'));
    };
    const call = client.chat();
    call.write(say('a'));
    call.write(say('b'));
    call.end();
    const texts = await readAll(call);
    expect(texts).toEqual(['you said a', 'you said b', 'bye']);
  });

  test('an error in the middle arrives with its code while the caller still talks', async () => {
    chat = async (requests, write) => {
      for await (const { text } of requests) {
        if (text === 'bad') throw new SluiceError('INVALID_ARGUMENT', 'not that');
        write(say(text));
      }
    };
    const call = client.chat();
    const texts: string[] = [];
    const reading = (async () => {
      for await (const { text } of responsesOf(call)) texts.push(text);
    })();
    call.write(say('good'));
    call.write(say('bad'));
    call.write(say('ignored'));
    await expect(reading).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: 'not that' });
    expect(texts).toEqual(['good']);
  });

  test.each(['cancels', 'vanishes'])(
    'when the caller %s, the loop over its words ends',
    async (how) => {
      let heard = 0;
      let over = false;
      let signalled = false;
      chat = async (requests, write, signal) => {
        signal.addEventListener('abort', () => {
          signalled = true;
        });
        try {
          for await (const { text } of requests) {
            heard += 1;
            write(say(text));
          }
        } finally {
          over = true;
        }
      };
      const call = client.chat();
      call.on('error', () => undefined);
      call.write(say('hello'));
      await eventually(() => (heard === 1 ? undefined : 'not heard yet'));
      if (how === 'cancels') call.cancel();
      else wire.cut();
      await eventually(() => (over && signalled ? undefined : `over ${String(over)}`));
      expect(reported).toEqual([]);
    },
  );

  test('a writer that goes on after the caller left hurts nobody', async () => {
    let ready = false;
    chat = async (_requests, write, signal) => {
      write(say('one'));
      ready = true;
      await aborted(signal);
      for (let index = 0; index < 100; index += 1) write(say('nobody reads'));
    };
    const call = client.chat();
    call.on('error', () => undefined);
    await eventually(() => (ready ? undefined : 'not yet'));
    call.cancel();
    ask = (request) => Promise.resolve(request);
    expect(await callUnary(client, Talk.ask, say('alive'), 2_000)).toEqual(say('alive'));
  });
});

describe('stopping a server', () => {
  test('running calls get their time and are then cut off', async () => {
    let abortedThere = false;
    listen = async (_request, write, signal) => {
      write(say('one'));
      await aborted(signal);
      abortedThere = true;
    };
    const responses = responsesOf(client.listen(say('')));
    expect(await responses.next()).toMatchObject({ value: say('one') });
    const rest = responses.next();
    rest.catch(() => undefined);
    await server.stop(50);
    await expect(rest).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await eventually(() => (abortedThere ? undefined : 'still running'));
  });
});
