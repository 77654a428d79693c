export { BUCKETS, SUBJECTS } from './subjects.js';
export { Bus } from './bus.js';
export type { BusOptions, Listening } from './bus.js';
