import type { Tracing, TracingOptions } from './sdk.js';
import { tracing } from './switch.js';

/**
 * Begins to make spans if the environment names where they go (OTEL_EXPORTER_OTLP_ENDPOINT or
 * OTEL_EXPORTER_OTLP_TRACES_ENDPOINT); otherwise undefined, and OpenTelemetry's SDK is not even
 * loaded. The other variables of OpenTelemetry hold as well.
 */
export async function startTracing(options: TracingOptions): Promise<Tracing | undefined> {
  if (!isWanted(options.environment)) return undefined;
  const { startSdk } = await import('./sdk.js');
  const running = startSdk(options);
  // They may hold keys, which no child of this process needs.
  for (const name of Object.keys(options.environment)) {
    if (/^OTEL_EXPORTER_OTLP_(\w+_)?HEADERS$/.test(name)) {
      Reflect.deleteProperty(options.environment, name);
    }
  }
  tracing.on = true;
  return running;
}

function isWanted(environment: TracingOptions['environment']): boolean {
  const isSet = (name: string) => (environment[name] ?? '') !== '';
  if (environment['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return false;
  if (environment['OTEL_TRACES_EXPORTER'] === 'none') return false;
  return isSet('OTEL_EXPORTER_OTLP_ENDPOINT') || isSet('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
}
