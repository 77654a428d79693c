export { BUCKETS, SUBJECTS } from './subjects.js';
export { Bus } from './bus.js';
export type { BusOptions, Listening } from './bus.js';
export { KvBucket } from './kv-bucket.js';
export type { KvBucketOptions, KvFollower, KvValue } from './kv-bucket.js';
