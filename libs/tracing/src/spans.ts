import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  context,
  propagation,
  trace,
  type Context,
  type Link,
  type Span,
} from '@opentelemetry/api';
import { tracing } from './switch.js';

/** What carries a span to another process: as HTTP headers, gRPC metadata or NATS headers. */
export type Headers = Readonly<Record<string, string>>;
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanOpening {
  /** From a closed set: no ids, no names that people gave. */
  readonly name: string;
  readonly kind?: 'internal' | 'server' | 'client' | 'consumer';
  /** Never tokens, keys, SDP, or names of rooms and people. */
  readonly attributes?: SpanAttributes;
  /** As they came with a message: its sender's span is the parent, in place of the current one. */
  readonly received?: Headers;
}

/** A span whose end its owner tells. */
export interface OpenSpan {
  /** Runs a task as part of it; what the task starts is part of it as well. */
  run<T>(task: () => T): T;
  headers(): Headers;
  /** Adds to its attributes, while it is open. */
  describe(attributes: SpanAttributes): void;
  /** Idempotent. `error` is why it failed; `atMs` (epoch) an end that is past already. */
  end(error?: unknown, atMs?: number): void;
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
} as const;

const NO_HEADERS: Headers = Object.freeze({});
const NO_IDS = Object.freeze({});

/** What stands for every span while there are none. */
const NO_SPAN: OpenSpan = {
  run: (task) => task(),
  headers: () => NO_HEADERS,
  describe: () => undefined,
  end: () => undefined,
};

const tracer = trace.getTracer('sluice');

/** Opens a span below the current one, or below the sender's of what was received. */
export function openSpan(opening: SpanOpening): OpenSpan {
  if (!tracing.on) return NO_SPAN;
  const { parent, links } = parentOf(opening.received);
  const { kind = 'internal', attributes = {} } = opening;
  const options = { kind: KINDS[kind], attributes: { ...attributes }, links };
  const span = tracer.startSpan(opening.name, options, parent);
  const within = trace.setSpan(parent, span);
  return {
    run: (task) => context.with(within, task),
    headers: () => headersOf(within),
    describe: (more) => void span.setAttributes({ ...more }),
    end: (error, atMs) => endSpan(span, error, atMs),
  };
}

/** Runs `work` in a span of its own, which ends with it. */
export async function inSpan<T>(opening: SpanOpening, work: () => Promise<T> | T): Promise<T> {
  if (!tracing.on) return work();
  const span = openSpan(opening);
  try {
    const result = await span.run(work);
    span.end();
    return result;
  } catch (error) {
    span.end(error);
    throw error;
  }
}

/** The current span for a message that is sent now; undefined without one that still runs. */
export function currentHeaders(): Headers | undefined {
  if (!tracing.on) return undefined;
  return trace.getActiveSpan()?.isRecording() ? headersOf(context.active()) : undefined;
}

/** Of the current span, for log lines. */
export function spanIds(): Readonly<Record<string, string>> {
  if (!tracing.on) return NO_IDS;
  const { traceId, spanId } = trace.getActiveSpan()?.spanContext() ?? {};
  return traceId !== undefined && spanId !== undefined
    ? { trace_id: traceId, span_id: spanId }
    : NO_IDS;
}

/**
 * What a request started may go on for hours, as a relay that is planned again does. Once its span
 * has ended, what follows is a trace of its own, linked to it.
 */
function parentOf(received: Headers | undefined): { parent: Context; links: Link[] } {
  if (received) return { parent: propagation.extract(ROOT_CONTEXT, received), links: [] };
  const parent = context.active();
  const span = trace.getSpan(parent);
  if (!span || !hasEnded(span)) return { parent, links: [] };
  return { parent: trace.deleteSpan(parent), links: [{ context: span.spanContext() }] };
}

/** Spans that are not sampled never record, and still run. */
function hasEnded(span: Span): boolean {
  return !span.isRecording() && (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
}

function headersOf(within: Context): Headers {
  const headers: Record<string, string> = {};
  propagation.inject(within, headers);
  return headers;
}

function endSpan(span: Span, error: unknown, atMs: number | undefined): void {
  if (!span.isRecording()) return;
  if (error !== undefined) {
    // The code and nothing else: messages may quote what a client sent.
    const code = codeOf(error);
    span.setAttribute('error.type', code);
    span.setStatus({ code: SpanStatusCode.ERROR, message: code });
  }
  span.end(atMs);
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'INTERNAL';
}
