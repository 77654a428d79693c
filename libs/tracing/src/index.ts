export { JoinSpans } from './join-spans.js';
export type { SpanClock } from './join-spans.js';
export { currentHeaders, inSpan, openSpan, spanIds } from './spans.js';
export type { Headers, OpenSpan, SpanAttributes, SpanOpening } from './spans.js';
export { tracing } from './switch.js';
export { startTracing } from './tracing.js';
export type { Tracing, TracingOptions } from './sdk.js';
