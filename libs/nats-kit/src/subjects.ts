import { subjectToken } from '@sluice/core';

/** Every subject that Sluice uses. */
export const SUBJECTS = {
  heartbeat: (nodeId: string) => `sluice.v1.heartbeat.${nodeId}`,
  allHeartbeats: 'sluice.v1.heartbeat.*',
  roomFact: (room: string, nodeId: string) => `sluice.v1.room.${subjectToken(room)}.${nodeId}`,
  factsOfRoom: (room: string) => `sluice.v1.room.${subjectToken(room)}.*`,
  allRoomFacts: 'sluice.v1.room.*.*',
  nodeFact: (nodeId: string) => `sluice.v1.node.${nodeId}`,
  allNodeFacts: 'sluice.v1.node.*',
} as const;

/** Every JetStream KV bucket. Records are small, so the buckets stay in the megabytes. */
export const BUCKETS = { streams: 'sluice_streams' } as const;
