import { subjectToken } from '@sluice/core';

const nodeFact = (nodeId: string) => `sluice.v1.node.${nodeId}`;

/** Every subject that Sluice uses. */
export const SUBJECTS = {
  heartbeat: (nodeId: string) => `sluice.v1.heartbeat.${nodeId}`,
  allHeartbeats: 'sluice.v1.heartbeat.*',
  /** What belongs to no room goes where the node's other facts go. */
  roomFact: (room: string, nodeId: string) =>
    room === '' ? nodeFact(nodeId) : `sluice.v1.room.${subjectToken(room)}.${nodeId}`,
  factsOfRoom: (room: string) => `sluice.v1.room.${subjectToken(room)}.*`,
  allRoomFacts: 'sluice.v1.room.*.*',
  /** What clients of a room say to each other through their gateways. */
  peerMessages: (room: string) => `sluice.v1.peer.${subjectToken(room)}`,
  nodeFact,
  allNodeFacts: 'sluice.v1.node.*',
  /** That a node is taken for lost, by a directory. */
  lost: (nodeId: string) => `sluice.v1.lost.${nodeId}`,
  allLost: 'sluice.v1.lost.*',
  /** That a relay which the node pulls should be planned again. */
  replan: (nodeId: string) => `sluice.v1.replan.${nodeId}`,
  /** That a stream which the node tells of may not be its own any more. */
  doubt: (nodeId: string) => `sluice.v1.doubt.${nodeId}`,
  /** Asks all gateways of their links of Umbrella; they tell it to whoever asked. */
  umbrellaStatusAsked: 'sluice.v1.umbrella.status',
  umbrellaStatusTold: (gatewayId: string) => `sluice.v1.umbrella.status.${gatewayId}`,
  /** Between the directory's replicas. */
  plannedRelays: 'sluice.v1.directory.planned-relays',
} as const;

/** Every JetStream KV bucket. Records are small, so the buckets stay in the megabytes. */
export const BUCKETS = {
  streams: 'sluice_streams',
  rooms: 'sluice_rooms',
  umbrella: 'sluice_umbrella',
  ingests: 'sluice_ingests',
} as const;
