import { SessionId, SluiceError, parseName } from '@sluice/core';
import { IngestStatus, type IngestDefinition, type IngestState } from '@sluice/proto-gen/common';
import type { StartIngestRequest } from '@sluice/proto-gen/media_node';
import type { SecretBox } from '@sluice/tokens';
import type { IngestReport, IngestTask } from '../domain/ingests/ingests.js';
import { boundedText } from './session-messages.js';

const ID = /^[A-Za-z0-9_-]{1,64}$/;

/** @throws {SluiceError} INVALID_ARGUMENT, UNAUTHENTICATED for a URL that another cluster sealed. */
export function toIngestTask(
  request: StartIngestRequest,
  urls: Pick<SecretBox, 'open'>,
): IngestTask<IngestDefinition> {
  const { definition, routerId, replacesSessionId } = request;
  const { stream, ingestId = '' } = definition ?? {};
  if (!definition || !stream || !ID.test(ingestId)) {
    throw new SluiceError('INVALID_ARGUMENT', 'malformed ingest', { noun: 'ingest' });
  }
  return {
    definition,
    order: {
      ingestId,
      stream: {
        room: parseName('room', stream.room),
        participant: parseName('participant', stream.participant),
        purpose: parseName('purpose', stream.purpose),
      },
      username: boundedText('username', definition.username),
      url: urls.open(definition.sealedUrl),
      onDemand: definition.onDemand,
    },
    sessionId: SessionId(request.sessionId),
    routerId,
    replacesSessionId: replacesSessionId === undefined ? undefined : SessionId(replacesSessionId),
  };
}

const STATUSES = {
  connecting: IngestStatus.INGEST_STATUS_CONNECTING,
  running: IngestStatus.INGEST_STATUS_RUNNING,
  resting: IngestStatus.INGEST_STATUS_RESTING,
  failed: IngestStatus.INGEST_STATUS_FAILED,
} as const;

export function fromIngestReport(report: IngestReport<IngestDefinition>): IngestState {
  const { definition, sessionId, routerId, condition } = report;
  const { status, reason, bitrateBps } = condition;
  return { definition, sessionId, routerId, status: STATUSES[status], reason, bitrateBps };
}
