import { spanIds } from '@sluice/tracing';
import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger } from 'pino';

/**
 * One JSON object a line on stdout. Tokens, keys and SDP are never passed to it; the redaction is
 * a second net for the names under which they travel.
 */
export function createLogger(
  service: string,
  level: string,
  bindings: object = {},
  destination: DestinationStream = pino.destination({ fd: 1, sync: true }),
): Logger {
  const options = {
    level,
    base: { service, ...bindings },
    // By which a log finds its trace.
    mixin: () => ({ ...spanIds() }),
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: [
        'token',
        'resumeToken',
        'sdp',
        'offer',
        'answer',
        'ticket',
        'srtpKeyBase64',
        'password',
      ].flatMap((name) => [name, `*.${name}`]),
      censor: '[redacted]',
    },
    serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err },
  };
  return pino(options, destination);
}
