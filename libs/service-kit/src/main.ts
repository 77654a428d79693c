import type { Lifecycle } from '@sluice/core';
import type { Logger } from './logger.js';
import { ConfigurationError } from './configuration.js';
import { startTracing, type Tracing, type TracingOptions } from '@sluice/tracing';

/** What `main.ts` of a service starts: everything built, running, and registered for its stop. */
export interface RunningService {
  readonly lifecycle: Lifecycle;
  readonly log: Logger;
  /** Called once at the first signal, before anything stops; a media node drains here. */
  beforeStop?(): Promise<void>;
}

/**
 * Runs a service until SIGTERM or SIGINT; a second signal ends it at once. A bad configuration is
 * printed, all mistakes together, and ends the process with 78 (EX_CONFIG).
 */
export async function runService(
  process: NodeJS.Process,
  compose: () => Promise<RunningService>,
  spans: TracingOptions,
): Promise<void> {
  const signals = listenToSignals(process);
  try {
    const tracing = await startTracing(spans);
    const service = await compose();
    tracing?.reportTo(rarely((trouble) => service.log.warn({ trouble }, 'spans are lost')));
    process.on('unhandledRejection', (error) => {
      service.log.error({ err: error }, 'unhandled rejection');
    });
    signals.stopBy((signal) => {
      service.log.info({ signal }, 'stopping');
      void stop(process, service, tracing);
    });
  } catch (error) {
    const configuration = error instanceof ConfigurationError;
    const text = configuration || !(error instanceof Error) ? String(error) : error.stack;
    process.stderr.write(`${text ?? 'cannot start'}\n`);
    process.exit(configuration ? 78 : 1);
  }
}

/** Heard from the beginning: a signal that comes during the start stops the service right after it. */
function listenToSignals(process: NodeJS.Process) {
  let first: string | undefined;
  let stopBy: ((signal: string) => void) | undefined;
  const onSignal = (signal: string) => {
    if (first !== undefined) process.exit(130);
    first = signal;
    stopBy?.(signal);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return {
    stopBy(handler: (signal: string) => void): void {
      stopBy = handler;
      if (first !== undefined) handler(first);
    },
  };
}

/** Passes on the first call of each minute. */
function rarely<T>(tell: (about: T) => void): (about: T) => void {
  let quietUntilMs = 0;
  return (about) => {
    if (performance.now() < quietUntilMs) return;
    quietUntilMs = performance.now() + 60_000;
    tell(about);
  };
}

/** How long the last spans may take to leave. */
const SPANS_FLUSH_MS = 2_000;

async function flush(tracing: Tracing): Promise<void> {
  const late = new Promise((resolve) => {
    setTimeout(resolve, SPANS_FLUSH_MS);
  });
  // A collector that is away has been told of already.
  await Promise.race([tracing.stop().catch(() => undefined), late]);
}

async function stop(
  process: NodeJS.Process,
  service: RunningService,
  tracing: Tracing | undefined,
): Promise<void> {
  try {
    await service.beforeStop?.();
  } catch (error) {
    service.log.error({ err: error }, 'cannot prepare the stop');
  }
  const results = await service.lifecycle.stop();
  const failed = results.filter((step) => step.outcome !== 'ok');
  for (const step of failed) {
    service.log.warn(
      { step: step.name, outcome: step.outcome, err: step.error },
      'slow or failed stop',
    );
  }
  if (tracing) await flush(tracing);
  service.log.info('stopped');
  process.exit(failed.length === 0 ? 0 : 1);
}
