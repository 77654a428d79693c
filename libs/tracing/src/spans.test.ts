import { expect, test, vi } from 'vitest';
import { currentHeaders, inSpan, openSpan, spanIds } from './spans.js';
import { tracing } from './switch.js';
import { startTracing } from './tracing.js';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };

test.each([
  ['no endpoint is named', {}],
  ['the endpoint is empty', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }],
  ['the SDK is disabled', { ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }],
  ['nothing is to be exported', { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }],
])('there are no spans when %s', async (_why, environment) => {
  expect(await startTracing({ service: 'test', environment })).toBeUndefined();
  expect(tracing.on).toBe(false);
});

test('without spans, work is done all the same and nothing is sent along', async () => {
  expect(await inSpan({ name: 'a' }, () => [currentHeaders(), spanIds()])).toEqual([undefined, {}]);
  await expect(inSpan({ name: 'a' }, () => Promise.reject(new Error('it failed')))).rejects.toThrow(
    'it failed',
  );
  expect(openSpan({ name: 'a' }).headers()).toEqual({});
});

test('with spans, what is sent along names the current one, until it ends', async () => {
  // Nobody listens there: the stop does not wait for long.
  vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '200');
  const environment: Record<string, string | undefined> = {
    ...ENDPOINT,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=hunter2',
  };
  const running = await startTracing({ service: 'test', environment });
  expect(Object.keys(environment)).toEqual(Object.keys(ENDPOINT));

  const span = openSpan({ name: 'a' });
  const { trace_id: traceId, span_id: spanId } = span.run(spanIds);
  expect(span.headers()).toEqual({ traceparent: `00-${traceId}-${spanId}-01` });
  expect(span.run(currentHeaders)).toEqual(span.headers());
  expect(span.run(() => openSpan({ name: 'b' }).run(spanIds))['trace_id']).toBe(traceId);

  span.end();
  expect(span.run(currentHeaders)).toBeUndefined();
  expect(span.run(() => openSpan({ name: 'c' }).run(spanIds))['trace_id']).not.toBe(traceId);
  const received = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };
  expect(openSpan({ name: 'd', received }).run(spanIds)['trace_id']).toBe('a'.repeat(32));
  await running?.stop().catch(() => undefined);
});
