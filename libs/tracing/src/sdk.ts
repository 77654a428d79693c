import { DiagLogLevel, diag } from '@opentelemetry/api';
import { startNodeSdk } from '@opentelemetry/sdk-node';

export interface TracingOptions {
  /** Such as gateway; OTEL_SERVICE_NAME wins. */
  readonly service: string;
  /** Which one of them; random where it is not given. */
  readonly instanceId?: string | undefined;
  /** The process's own, as OpenTelemetry reads it too. */
  readonly environment: Record<string, string | undefined>;
}

export interface Tracing {
  /** Where troubles with the export go; until then they go nowhere. */
  reportTo(report: (trouble: string) => void): void;
  /** Sends what is left. */
  stop(): Promise<void>;
}

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
