/** What is promised to callers for one fault. */
export interface Promised {
  /** What is done to the cluster. */
  readonly fault: string;
  /** What callers may expect, in words. */
  readonly promise: string;
  /** The longest time without sound that any caller may have, at the 95th percentile. */
  readonly gapMs: number;
}

/** Two packets of sound: no gap that anybody could hear. */
const NO_GAP_MS = 40;

export const PROMISES = {
  'gateway-killed': {
    fault: 'one of two gateways killed',
    promise: 'media untouched, everybody back within 2 s, nobody shown as left',
    gapMs: NO_GAP_MS,
  },
  'directory-killed': {
    fault: 'one of two directory replicas killed',
    promise: 'media untouched, every join succeeds',
    gapMs: NO_GAP_MS,
  },
  'worker-killed': {
    fault: 'a mediasoup worker process killed',
    promise: 'all receive again within 1.5 s, the node’s other worker untouched',
    gapMs: 1_500,
  },
  'node-killed': {
    fault: 'a media node killed, all its processes',
    promise: 'all receive again within 4 s, no ghost stream',
    gapMs: 4_000,
  },
  'node-stopped': {
    fault: 'a whole media node stopped for 5 s, then continued',
    promise: 'all receive again within 4 s, the node is fenced when it returns',
    gapMs: 4_000,
  },
  'control-stalled': {
    fault: 'a node’s control process stopped for 3 s',
    promise: 'its workers forward, it is not evicted',
    gapMs: NO_GAP_MS,
  },
  'node-drained': {
    fault: 'a node drained by the API under a call, then undrained',
    promise: 'everybody moves before the deadline, at most 300 ms without media',
    gapMs: 300,
  },
  'nats-down': {
    fault: 'NATS killed and back with its data',
    promise: 'media untouched, the room can be joined meanwhile',
    gapMs: NO_GAP_MS,
  },
  'nats-wiped': {
    fault: 'NATS killed and back without its data',
    promise: 'media untouched, the directory rebuilt from the nodes',
    gapMs: NO_GAP_MS,
  },
  'nats-leader-killed': {
    fault: 'the leader of a three-server NATS cluster killed',
    promise: 'media untouched, new streams again within 10 s',
    gapMs: NO_GAP_MS,
  },
  'node-cut-from-nats': {
    fault: 'a node cut off from NATS for 8 s, not from its clients',
    promise: 'media untouched, it is not evicted',
    gapMs: NO_GAP_MS,
  },
  'node-cut-off': {
    fault: 'the network of a node cut for 6 s, to its clients and to all else',
    promise: 'all receive again within 4 s, the node is fenced when it returns',
    gapMs: 4_000,
  },
  'pipe-lossy': {
    fault: '2 % of the packets between two nodes lost, the others 50 ms late',
    promise: 'what is lost of pictures is sent again',
    gapMs: 200,
  },
  'clock-skew': {
    fault: 'the clock of a node and of a directory replica 10 minutes ahead',
    promise: 'nothing happens',
    gapMs: NO_GAP_MS,
  },
  'worker-dies-again': {
    fault: 'a mediasoup worker that is killed three times in a minute',
    promise: 'it is not started again, the other one takes its callers',
    gapMs: 4_000,
  },
} as const satisfies Record<string, Promised>;

export type FaultId = keyof typeof PROMISES;
