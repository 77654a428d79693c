import type { Clock, Timer } from '@sluice/core';
import { callUnary, type ClientPool } from '@sluice/grpc-kit';
import type { MediaNodeClient } from '@sluice/proto-gen/media_node';
import {
  StreamDirectoryService,
  type StreamDirectoryClient,
} from '@sluice/proto-gen/stream_directory';

const INTERVAL_MS = 5_000;
const DEADLINE_MS = 2_000;
/** With more nodes than this, each session is likely to be its gateway's first there anyway. */
const NODES_MAX = 100;

/** Keeps connections to all nodes open, so that no join waits for one. */
export function keepNodesConnected(
  directory: StreamDirectoryClient,
  nodes: ClientPool<MediaNodeClient>,
  clock: Clock,
): Timer {
  const connect = async () => {
    try {
      const list = await callUnary(directory, StreamDirectoryService.listNodes, {}, DEADLINE_MS);
      for (const { grpcAddress } of list.nodes.slice(0, NODES_MAX)) {
        nodes.at(grpcAddress).getChannel().getConnectivityState(true);
      }
    } catch {
      // Joins say so themselves when no directory answers; this only makes them quicker.
    }
  };
  void connect();
  return clock.every(INTERVAL_MS, () => void connect());
}
