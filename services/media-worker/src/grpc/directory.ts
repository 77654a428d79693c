import { SluiceError, hasCode } from '@sluice/core';
import { callUnary, type UnaryDefinition } from '@sluice/grpc-kit';
import {
  StreamDirectoryService,
  type StreamDirectoryClient,
} from '@sluice/proto-gen/stream_directory';
import type { Epochs } from '../domain/streams/epochs.js';
import type { Directory, NodeIdentity, RoomDoors, SessionPlaces } from '../domain/ports.js';

/** A join waits for these; a directory that takes longer is as good as away. */
const DEADLINE_MS = 3_000;

/** The directory over gRPC. Notes every epoch that it says. */
export function grpcDirectory(
  client: StreamDirectoryClient,
  identity: NodeIdentity,
  epochs: Epochs,
  { region, zone }: { readonly region: string; readonly zone: string },
): Directory & RoomDoors & SessionPlaces {
  const { nodeId, bootId } = identity;
  return {
    async claimStream(claim) {
      const { name, origin, sessionId, highestEpoch, heldEpoch, replacesSessionId } = claim;
      const request = { name, origin, sessionId, highestEpoch, heldEpoch, replacesSessionId };
      const { epoch } = await call(client, StreamDirectoryService.claimStream, request);
      epochs.see(epoch);
      return { epoch };
    },
    async releaseStream(name, epoch) {
      const request = { name, epoch, nodeId, bootId };
      await call(client, StreamDirectoryService.releaseStream, request);
    },
    async findStream(name) {
      const found = await call(client, StreamDirectoryService.findStream, { name });
      epochs.see(found.epoch);
      const { origin, epoch, sessionId } = found;
      if (!origin) throw new SluiceError('UNAVAILABLE', 'a stream without an origin');
      return { origin, epoch, sessionId };
    },
    async placeSession(room, participant, excludeNodeIds) {
      const request = { room, participant, region, zone, excludeNodeIds: [...excludeNodeIds] };
      const { router } = await call(client, StreamDirectoryService.placeSession, request);
      if (!router) throw new SluiceError('UNAVAILABLE', 'a place without a router');
      return router;
    },
    async admitToRoom(comer) {
      await call(client, StreamDirectoryService.admitToRoom, comer);
    },
    async planRelay(stream, to, excludeRouterIds) {
      const request = { stream, to, excludeRouterIds: [...excludeRouterIds] };
      const plan = await call(client, StreamDirectoryService.planRelay, request);
      epochs.see(plan.epoch);
      return plan;
    },
  };
}

/** @throws {SluiceError} the directory's own, or UNAVAILABLE when it does not answer in time. */
async function call<Req, Res>(
  client: StreamDirectoryClient,
  method: UnaryDefinition<Req, Res>,
  request: Req,
): Promise<Res> {
  try {
    return await callUnary(client, method, request, DEADLINE_MS);
  } catch (error) {
    if (!hasCode(error, 'DEADLINE_EXCEEDED')) throw error;
    const message = 'the directory does not answer; try again';
    throw new SluiceError('UNAVAILABLE', message, {}, { cause: error });
  }
}
