import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { ERRORS, SluiceError, type ErrorCode } from '@sluice/core';
import { fromStatus, toStatus } from './status.js';

const GRPC_NAMES = {
  INVALID_ARGUMENT: 'INVALID_ARGUMENT',
  UNAUTHENTICATED: 'UNAUTHENTICATED',
  PERMISSION_DENIED: 'PERMISSION_DENIED',
  NOT_FOUND: 'NOT_FOUND',
  ALREADY_EXISTS: 'ALREADY_EXISTS',
  INVALID_STATE: 'FAILED_PRECONDITION',
  CANNOT_CONSUME: 'FAILED_PRECONDITION',
  TOO_LARGE: 'RESOURCE_EXHAUSTED',
  STALE_EPOCH: 'ABORTED',
  RATE_LIMITED: 'RESOURCE_EXHAUSTED',
  CAPACITY_EXHAUSTED: 'RESOURCE_EXHAUSTED',
  NODE_DRAINING: 'UNAVAILABLE',
  UNAVAILABLE: 'UNAVAILABLE',
  DEADLINE_EXCEEDED: 'DEADLINE_EXCEEDED',
  INTERNAL: 'INTERNAL',
} as const satisfies Record<ErrorCode, keyof typeof status>;

function statusOf(code: number, details: string, metadata = new Metadata()): ServiceError {
  return Object.assign(new Error(details), { code, details, metadata });
}

describe('error codes as gRPC statuses', () => {
  test.each(Object.entries(GRPC_NAMES))('%s has the number of %s', (code, name) => {
    expect(ERRORS[code as ErrorCode].grpc).toBe(status[name]);
  });

  test('a stream that broke on our side, which has no status, is unavailable', () => {
    const error = fromStatus(new Error('write after end'));
    expect(error).toMatchObject({ code: 'UNAVAILABLE', message: 'the service is unavailable' });
  });

  test('a status of somebody who knows nothing of our codes is told apart coarsely', () => {
    const codes = [
      [status.UNAVAILABLE, 'UNAVAILABLE'],
      [status.CANCELLED, 'UNAVAILABLE'],
      [status.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED'],
      [status.UNIMPLEMENTED, 'INTERNAL'],
      [status.UNKNOWN, 'INTERNAL'],
    ] as const;
    for (const [number, code] of codes) {
      const error = fromStatus(statusOf(number, '14 connect ECONNREFUSED 10.0.0.7:7000'));
      expect(error.code).toBe(code);
      expect(error.message).not.toContain('10.0.0.7');
    }
  });

  test('a code that we do not know, or that only looks like one, is not taken', () => {
    for (const sent of ['NEW_CODE', 'constructor', '__proto__', 'toString']) {
      const metadata = new Metadata();
      metadata.set('sluice-error-code', sent);
      expect(fromStatus(statusOf(status.UNKNOWN, 'x', metadata)).code).toBe('INTERNAL');
    }
  });

  test('details that cannot be read are left out', () => {
    const { metadata } = toStatus(new SluiceError('NOT_FOUND', 'no', { noun: 'room' }));
    metadata?.set('sluice-error-details-bin', Buffer.from('{not json'));
    expect(fromStatus(statusOf(status.NOT_FOUND, 'no', metadata))).toMatchObject({
      code: 'NOT_FOUND',
      message: 'no',
      details: {},
    });
  });
});
