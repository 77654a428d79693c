import { DiagLogLevel, diag } from '@opentelemetry/api';
import { startNodeSdk } from '@opentelemetry/sdk-node';
import type { Tracing, TracingOptions } from './tracing.js';

/** The SDK itself logs nothing: lines that are not JSON would break the log. */
const SDK_LOG_LEVEL = 'none';

/** Starts OpenTelemetry's SDK for traces alone: metrics are Prometheus', logs are lines. */
export function startSdk({ service, instanceId, environment }: TracingOptions): Tracing {
  const sdk = startNodeSdk({
    logLevel: SDK_LOG_LEVEL,
    metricReaders: [],
    logRecordProcessors: [],
    resourceAttributes: {
      'service.name': environment['OTEL_SERVICE_NAME'] || `sluice-${service}`,
      'service.namespace': 'sluice',
      ...(instanceId === undefined ? {} : { 'service.instance.id': instanceId }),
    },
  });
  return {
    reportTo: (report) => {
      const silent = () => undefined;
      const tell = (message: string) => report(message);
      const logger = { error: tell, warn: tell, info: silent, debug: silent, verbose: silent };
      diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
    },
    stop: () => sdk.shutdown(),
  };
}
