import { expect, test } from 'vitest';
import { createLogger } from './logger.js';

/** What a logger writes for `log`, as parsed lines. */
function linesOf(level: string, log: (logger: ReturnType<typeof createLogger>) => void) {
  const lines: Record<string, unknown>[] = [];
  const destination = {
    write: (line: string) => {
      lines.push(JSON.parse(line) as Record<string, unknown>);
    },
  };
  log(createLogger('gateway', level, { gatewayId: 'gw' }, destination));
  return lines;
}

test('a line says when, how severe, which service and which instance', () => {
  const [line] = linesOf('info', (logger) => logger.info({ roomCount: 1 }, 'listening'));
  expect(line).toMatchObject({
    level: 'info',
    service: 'gateway',
    gatewayId: 'gw',
    roomCount: 1,
    msg: 'listening',
  });
  expect(Date.parse(String(line?.['time']))).not.toBeNaN();
});

test('what is less severe than the level is not written', () => {
  const lines = linesOf('warn', (logger) => {
    logger.debug('no');
    logger.info('no');
    logger.warn('yes');
  });
  expect(lines.map(({ msg }) => msg)).toEqual(['yes']);
  expect(linesOf('silent', (logger) => logger.fatal('no'))).toEqual([]);
});

test('what carries secrets is blanked, at the top and one level below', () => {
  const secrets = {
    token: 'hunter2',
    resumeToken: 'hunter2',
    sdp: 'hunter2',
    offer: 'hunter2',
    answer: 'hunter2',
    ticket: 'hunter2',
    srtpKeyBase64: 'hunter2',
    password: 'hunter2',
  };
  const lines = linesOf('info', (logger) => logger.info({ ...secrets, request: secrets }, 'got'));
  expect(JSON.stringify(lines)).not.toContain('hunter2');
  expect(lines[0]).toMatchObject({ token: '[redacted]', request: { sdp: '[redacted]' } });
});

test('an error is written with its stack and its cause', () => {
  const cause = new Error('the cause');
  const [line] = linesOf('info', (logger) =>
    logger.error({ err: new Error('it failed', { cause }) }, 'failure'),
  );
  expect(JSON.stringify(line?.['err'])).toMatch(/it failed.*the cause/);
});
