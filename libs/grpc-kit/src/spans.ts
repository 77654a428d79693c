import {
  InterceptingCall,
  status as GrpcStatus,
  type ClientOptions,
  type Interceptor,
  type InterceptorProvider,
  type Metadata,
} from '@grpc/grpc-js';
import { openSpan, tracing, type OpenSpan } from '@sluice/tracing';

/** Client options that hand the current span to whoever is called; nothing while there are none. */
export const SPAN_OPTIONS: ClientOptions = {
  interceptor_providers: [
    // Asked for each call. The list leaves out what is undefined; its type does not say so.
    (() => (tracing.on ? withSpan : undefined)) as unknown as InterceptorProvider,
  ],
};

/**
 * The span of one incoming call: a unary one's ends with it; a stream's is its opening, since streams
 * live as long as what they stand for, and ends with the first response.
 */
export function serverSpan(path: string, metadata: Metadata): OpenSpan {
  if (!tracing.on) return openSpan({ name: path });
  const received = Object.fromEntries(
    Object.entries(metadata.getMap()).map(([name, value]) => [name, String(value)]),
  );
  return openSpan({ name: nameOf(path), kind: 'server', attributes: attributesOf(path), received });
}

const withSpan: Interceptor = (options, nextCall) => {
  const { path, responseStream } = options.method_definition;
  const span = openSpan({ name: nameOf(path), kind: 'client', attributes: attributesOf(path) });
  return new InterceptingCall(nextCall(options), {
    start: (metadata, _listener, next) => {
      for (const [name, value] of Object.entries(span.headers())) metadata.set(name, value);
      next(metadata, {
        onReceiveMessage: (message: unknown, pass) => {
          if (responseStream) span.end();
          pass(message);
        },
        onReceiveStatus: (status, pass) => {
          span.end(status.code === GrpcStatus.OK ? undefined : failure(status.code));
          pass(status);
        },
      });
    },
  });
};

/** As `sluice.v1.MediaNode/Subscribe`. */
function nameOf(path: string): string {
  return path.replace(/^\//, '');
}

function attributesOf(path: string) {
  const [service = '', method = ''] = nameOf(path).split('/');
  return { 'rpc.system': 'grpc', 'rpc.service': service, 'rpc.method': method };
}

function failure(code: GrpcStatus): Error & { readonly code: string } {
  return Object.assign(new Error('the call failed'), { code: GrpcStatus[code] });
}
