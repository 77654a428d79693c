import {
  Server,
  type ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  type UntypedServiceImplementation,
  type ServiceDefinition,
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
} from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { SluiceError } from '@sluice/core';
import { serverSpan } from './spans.js';
import { toStatus } from './status.js';

/** What a use case may know about the call: nothing of gRPC. */
export interface CallContext {
  /** Aborts when the caller cancels, its deadline passes or its connection breaks. */
  readonly signal: AbortSignal;
}

/** Called once for each error that leaves the server; the adapter's place to log and count. */
export type ReportError = (error: SluiceError, method: string) => void;

/** Adapts `async (request, context) => response` to grpc-js and maps every throw to a status. */
export function unary<Req, Res>(
  useCase: (request: Req, context: CallContext) => Promise<Res>,
  report: ReportError,
): handleUnaryCall<Req, Res> {
  return (call, callback) => {
    const controller = new AbortController();
    call.on('cancelled', () => {
      controller.abort();
    });
    const span = serverSpan(call.getPath(), call.metadata);
    const work = async () => useCase(call.request, { signal: controller.signal });
    span.run(work).then(
      (response) => {
        span.end();
        callback(null, response);
      },
      (error: unknown) => {
        const failure = SluiceError.from(error);
        span.run(() => report(failure, call.getPath()));
        span.end(failure);
        callback(toStatus(failure));
      },
    );
  };
}

/** Adapts a use case that writes until its call ends. It returns, or throws, to end the call itself. */
export function serverStream<Req, Res>(
  useCase: (request: Req, write: (response: Res) => void, context: CallContext) => Promise<void>,
  report: ReportError,
): handleServerStreamingCall<Req, Res> {
  return (call) => {
    run(call, report, (write, context) => useCase(call.request, write, context));
  };
}

/** Adapts a use case that reads an async iterable of requests and writes responses. */
export function bidiStream<Req, Res>(
  useCase: (
    requests: AsyncIterable<Req>,
    write: (response: Res) => void,
    context: CallContext,
  ) => Promise<void>,
  report: ReportError,
  unsentMax = UNSENT_MAX,
): handleBidiStreamingCall<Req, Res> {
  return (call) => {
    // Leaving a loop over the call itself would destroy it, and the status with it.
    const requests = call.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Req>;
    run(call, report, (write, context) => useCase(requests, write, context), unsentMax);
  };
}

function run<Req, Res>(
  call: ServerWritableStream<Req, Res> | ServerDuplexStream<Req, Res>,
  report: ReportError,
  body: (write: (response: Res) => void, context: CallContext) => Promise<void>,
  unsentMax = UNSENT_MAX,
): void {
  const controller = new AbortController();
  const abort = () => {
    controller.abort();
  };
  call.on('cancelled', abort);
  // A broken connection raises either; both only mean that nobody listens any more.
  call.on('error', abort);
  call.on('close', abort);
  const span = serverSpan(call.getPath(), call.metadata);
  const fail = (error: unknown) => {
    const failure = SluiceError.from(error);
    span.end(failure);
    if (controller.signal.aborted) return;
    span.run(() => report(failure, call.getPath()));
    call.emit('error', toStatus(failure));
  };
  const write = (response: Res) => {
    span.end();
    if (controller.signal.aborted) return;
    if (call.writableLength < unsentMax) call.write(response);
    else fail(new SluiceError('UNAVAILABLE', 'the reader is too slow'));
  };
  // Async, so that a throw before the first await is a rejection like all others.
  const work = async () => body(write, { signal: controller.signal });
  span.run(work).then(() => {
    span.end();
    call.end();
  }, fail);
}

/** Messages that wait in one stream before its reader counts as gone. */
const UNSENT_MAX = 1_000;

/** Largest message either side accepts: an SDP of the largest size we take fits several times. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

export interface GrpcServer {
  /** host:port, with the port that was really bound. */
  readonly address: string;
  /** What `grpc.health.v1` answers for every service. */
  setServing(serving: boolean): void;
  /** Ends running calls when they do not end by themselves within `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** Starts a server for `services` on `listen` (host:port, port 0 for a free one). */
export async function startGrpcServer(
  listen: string,
  credentials: ServerCredentials,
  services: readonly (readonly [ServiceDefinition, UntypedServiceImplementation])[],
): Promise<GrpcServer> {
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
  });
  for (const [definition, implementation] of services) {
    server.addService(definition, implementation);
  }
  const health = new HealthImplementation({ '': 'NOT_SERVING' });
  health.addToServer(server);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(listen, credentials, (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  const host = listen.slice(0, listen.lastIndexOf(':'));
  return {
    address: `${host}:${String(port)}`,
    setServing: (serving) => {
      health.setStatus('', serving ? 'SERVING' : 'NOT_SERVING');
    },
    stop: (graceMs) => stop(server, graceMs),
  };
}

async function stop(server: Server, graceMs: number): Promise<void> {
  const force = setTimeout(() => {
    server.forceShutdown();
  }, graceMs);
  await new Promise<void>((resolve) => {
    server.tryShutdown(() => {
      resolve();
    });
  });
  clearTimeout(force);
}
