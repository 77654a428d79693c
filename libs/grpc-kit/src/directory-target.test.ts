import { describe, expect, test } from 'vitest';
import { directoryTarget } from './directory-target.js';

describe('the directory’s target', () => {
  test.each([
    ['127.0.0.1:7000', 'ipv4:127.0.0.1:7000'],
    ['10.0.0.1:7000, 10.0.0.2:7001', 'ipv4:10.0.0.1:7000,10.0.0.2:7001'],
    ['localhost:7000,127.0.0.1:7001', 'ipv4:127.0.0.1:7000,127.0.0.1:7001'],
    ['[::1]:7000,[fd00::2]:7000', 'ipv6:[::1]:7000,[fd00::2]:7000'],
    ['directory:7000', 'dns:///directory:7000'],
    ['directory.media.svc.cluster.local:7000', 'dns:///directory.media.svc.cluster.local:7000'],
    ['dns:///directory:7000', 'dns:///directory:7000'],
    ['ipv4:10.0.0.1:1,10.0.0.2:2', 'ipv4:10.0.0.1:1,10.0.0.2:2'],
  ])('%s is %s', (addresses, target) => {
    expect(directoryTarget(addresses)).toBe(target);
  });

  test.each(['', ',', 'directory', '10.0.0.1', '10.0.0.1:7000,', 'http://directory:7000', 'a b:1'])(
    'what has no address is refused: %j',
    (addresses) => {
      expect(() => directoryTarget(addresses)).toThrow('must be host:port');
    },
  );

  test.each(['one:7000,two:7000', '10.0.0.1:7000,two:7000', '10.0.0.1:7000,[::1]:7000'])(
    'what gRPC cannot put into one channel is refused: %s',
    (addresses) => {
      expect(() => directoryTarget(addresses)).toThrow('of one family, or one name');
    },
  );
});
