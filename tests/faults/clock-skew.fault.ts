import { readdirSync, existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { Drill } from './drill.js';

const NODE = 'node-1';
/** Longer than anything takes by which the cluster tells who lives. */
const WATCHED_MS = 5_000;

const library = fakeTimeLibrary();
const AHEAD = {
  LD_PRELOAD: library,
  FAKETIME: '+10m',
  // Another time of day, and time that passes as it does.
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
  DONT_FAKE_MONOTONIC: '1',
};

const drill = Drill.ofThisFile('clock-skew', {
  overrides: {
    gateway: { SLUICE_TRUST_PROXY: '1' },
    [NODE]: AHEAD,
    'directory-2': AHEAD,
  },
});

drill.fault(
  'clock-skew',
  async ({ call }) => {
    const nodes = await call.nodes();
    expect(nodes).toContain(NODE);
    await delay(WATCHED_MS);
    const late = await drill.enter(call.room, 'late');
    try {
      await call.with(late).plays();
      await call.with(late).isListedAsItIs();
    } finally {
      await late.close();
    }
    expect(await call.nodes()).toEqual(nodes);
  },
  { obstacle: library === undefined ? 'libfaketime is not installed' : undefined },
);

function fakeTimeLibrary(): string | undefined {
  return readdirSync('/usr/lib')
    .map((name) => `/usr/lib/${name}/faketime/libfaketimeMT.so.1`)
    .find((path) => existsSync(path));
}
