export { TokenBucket } from '@sluice/core';
