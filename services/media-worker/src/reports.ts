import { describeStream, type SluiceError, type StreamName } from '@sluice/core';
import type { ReportError } from '@sluice/grpc-kit';
import type { Logger } from '@sluice/service-kit';
import type { Metrics } from './metrics.js';

/** Logs and counts each name that turned out to be another's. */
export function fenced(log: Logger, metrics: Metrics): (name: StreamName) => void {
  return (name) => {
    metrics.fencedStreams.inc();
    log.warn({ stream: describeStream(name) }, 'stream is held by another origin now');
  };
}

/** Logs and counts each error that leaves; what a client did wrong is no news. */
export function reportTo(log: Logger, metrics: Metrics): ReportError {
  return (error: SluiceError, method: string) => {
    metrics.countError(error.code, method);
    const fields = { code: error.code, method, err: error };
    if (error.code === 'INTERNAL') log.error(fields, 'call failed');
    else if (error.code === 'UNAVAILABLE' || error.code === 'DEADLINE_EXCEEDED') {
      log.warn(fields, 'call failed');
    } else log.debug(fields, 'call refused');
  };
}
