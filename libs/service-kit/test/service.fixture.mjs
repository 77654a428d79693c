// A service of one kind or another, by its first parameter; started by process.itest.ts.
import { Lifecycle } from '@sluice/core';
import { createLogger, readEnvironment, runService } from '@sluice/service-kit';
import { z } from 'zod';

const kind = process.argv[2];

await runService(
  process,
  async () => {
    if (kind === 'misconfigured') readEnvironment(z.object({ NEEDED: z.string() }), {});
    if (kind === 'broken') throw new Error('cannot start like this');
    const log = createLogger('test', 'info');
    const lifecycle = new Lifecycle();
    const alive = setInterval(() => undefined, 1_000);
    lifecycle.started('first', 500, () => {
      log.info('first stopped');
      clearInterval(alive);
    });
    lifecycle.started('second', 500, () => {
      log.info('second stopped');
      if (kind === 'failing') throw new Error('cannot stop');
      if (kind === 'slow') return new Promise(() => undefined);
      return undefined;
    });
    log.info('started');
    if (kind === 'rejecting') void Promise.reject(new Error('nobody handles it'));
    return {
      lifecycle,
      log,
      beforeStop: async () => {
        log.info('prepared');
        if (kind === 'unprepared') throw new Error('cannot prepare');
        if (kind === 'draining') await new Promise(() => undefined);
      },
    };
  },
  { service: 'test', environment: process.env },
);
