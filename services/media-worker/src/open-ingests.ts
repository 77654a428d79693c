import { systemClock } from '@sluice/core';
import type { IngestDefinition } from '@sluice/proto-gen/common';
import { TargetPolicy, type Logger } from '@sluice/service-kit';
import type { Configuration } from './config.js';
import { Ingests } from './domain/ingests/ingests.js';
import type { MediaNode } from './domain/node/media-node.js';
import type { StreamCopies } from './domain/streams/stream-copies.js';
import { fromIngestReport } from './grpc/ingest-messages.js';
import type { Facts } from './nats/facts.js';
import { RtspCameras } from './rtsp/rtsp-cameras.js';

/** Builds what pulls cameras. Its ingests end with their sessions. */
export function openIngests(
  { ffmpeg, allowedNetworks }: Configuration['ingests'],
  parts: {
    readonly node: MediaNode;
    readonly copies: StreamCopies;
    readonly facts: Facts;
    readonly log: Logger;
  },
): Ingests<IngestDefinition> {
  const { node, copies, facts, log } = parts;
  const cameras = new RtspCameras({ ffmpeg, policy: new TargetPolicy(allowedNetworks) });
  const report = (error: unknown) => log.warn({ err: error }, 'ingest trouble');
  const environment = { cameras, copies, clock: systemClock, random: Math.random, report };
  return new Ingests(node, environment, {
    changed: (ingest) => {
      const { definition, condition } = ingest;
      const { status, reason } = condition;
      if (status === 'failed') log.warn({ ingestId: definition.ingestId, reason }, 'ingest failed');
      facts.ingestChanged(fromIngestReport(ingest));
    },
    stopped: (ingestId, sessionId) => facts.ingestStopped(ingestId, sessionId),
  });
}
