import type { ChannelCredentials } from '@grpc/grpc-js';
import { MediaNodeClient, MediaNodeService } from '@sluice/proto-gen/media_node';
import { hasCode } from '@sluice/core';
import { CLIENT_OPTIONS, callUnary } from '@sluice/grpc-kit';
import type { IngestNodes } from '../domain/ingests/ingest-ports.js';
import type { IngestDefinition, IngestRun } from '../domain/ingest.js';
import type { MediaNodes, NodeAnswer } from '../domain/ports.js';
import { toNodeTruth } from '../messages/from-message.js';
import { fromIngestDefinition } from '../messages/to-message.js';
import { isRefused } from './port-check.js';

type Asked = Pick<Parameters<MediaNodes['readTruth']>[0], 'bootId' | 'grpcAddress'>;

const INGEST_DEADLINE_MS = 3_000;

/** Media nodes over gRPC: one client for each boot, until the boot is forgotten. */
export class GrpcMediaNodes implements MediaNodes, IngestNodes {
  readonly #clients = new Map<string, MediaNodeClient>();

  constructor(
    private readonly credentials: ChannelCredentials,
    private readonly onMalformed: (error: unknown) => void = () => undefined,
  ) {}

  async readTruth(node: Asked, deadlineMs: number): Promise<NodeAnswer> {
    try {
      const client = this.#clientOf(node);
      const state = await callUnary(client, MediaNodeService.getState, {}, deadlineMs);
      return { outcome: 'answered', truth: toNodeTruth(state) };
    } catch (error) {
      if (hasCode(error, 'UNAVAILABLE')) {
        // A broken connection says the same of a process that is gone and of one that stands still.
        return { outcome: (await isRefused(node.grpcAddress)) ? 'refused' : 'late' };
      }
      if (!hasCode(error, 'DEADLINE_EXCEEDED')) this.onMalformed(error);
      return { outcome: 'late' };
    }
  }

  async startIngest(definition: IngestDefinition, run: IngestRun): Promise<void> {
    const { router, sessionId, replacesSessionId } = run;
    const { routerId } = router;
    const request = {
      definition: fromIngestDefinition(definition),
      sessionId,
      routerId,
      replacesSessionId,
    };
    const client = this.#clientOf(router);
    await callUnary(client, MediaNodeService.startIngest, request, INGEST_DEADLINE_MS);
  }

  async stopIngest(node: Asked, sessionId: string): Promise<void> {
    const client = this.#clientOf(node);
    await callUnary(client, MediaNodeService.stopIngest, { sessionId }, INGEST_DEADLINE_MS);
  }

  forget(bootId: string): void {
    this.#clients.get(bootId)?.close();
    this.#clients.delete(bootId);
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #clientOf({ bootId, grpcAddress }: Asked): MediaNodeClient {
    let client = this.#clients.get(bootId);
    if (!client) {
      client = new MediaNodeClient(grpcAddress, this.credentials, CLIENT_OPTIONS);
      this.#clients.set(bootId, client);
    }
    return client;
  }
}
