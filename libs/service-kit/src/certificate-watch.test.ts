import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock, TestAuthority, eventually } from '@sluice/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SPREAD_MS } from './certificate-rotation.js';
import { CertificateWatch } from './certificate-watch.js';
import type { Certificates } from './certificates.js';

const READ_EVERY_MS = 2_000;

let folder: string;
let authority: TestAuthority;
let clock: FakeClock;
let watch: CertificateWatch;
let first: Certificates;
let versions = 0;
const shown: Certificates[] = [];
const expiries: number[] = [];
const refusals: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-certificates-'));
  authority = new TestAuthority();
  clock = new FakeClock();
  for (const list of [shown, expiries, refusals]) list.length = 0;
  first = authority.issue('DNS:sluice-internal');
  replace(first);
  const files = { ca: file('ca.crt'), certificate: file('tls.crt'), key: file('tls.key') };
  watch = new CertificateWatch({ ...first, files }, clock, {
    shown: (expiresAtS) => expiries.push(expiresAtS),
    refused: (problem) => refusals.push(problem),
  });
  watch.onChanged((now) => shown.push(now));
});
afterEach(() => {
  watch.stop();
  rmSync(folder, { recursive: true });
  authority.remove();
});

const file = (name: string) => join(folder, name);

/** As a kubelet does it: a folder of another name, to which a link leads from one moment on. */
function replace(next: Certificates): void {
  versions += 1;
  const version = `..version-${String(versions)}`;
  mkdirSync(file(version));
  writeFileSync(file(join(version, 'ca.crt')), next.ca);
  writeFileSync(file(join(version, 'tls.crt')), next.certificate);
  writeFileSync(file(join(version, 'tls.key')), next.key);
  symlinkSync(version, file('..new'));
  renameSync(file('..new'), file('..data'));
  for (const name of ['ca.crt', 'tls.crt', 'tls.key']) {
    rmSync(file(name), { force: true });
    symlinkSync(join('..data', name), file(name));
  }
}

/** Lets it read until what is expected has come of it. */
async function reads(expected: () => boolean): Promise<void> {
  await eventually(() => {
    clock.elapse(READ_EVERY_MS);
    return expected() ? undefined : 'nothing has come of it yet';
  });
}

test('a changed certificate is told of and shown, and its expiry with it', async () => {
  const next = authority.issue('DNS:sluice-internal', 9);
  replace(next);
  await reads(() => shown.length > 0);
  expect(shown).toEqual([next]);
  expect(watch.certificate.equals(next.certificate)).toBe(true);
  expect(expiries).toHaveLength(2);
  expect(Math.round(((expiries[1] ?? 0) - (expiries[0] ?? 0)) / 86_400)).toBe(7);
  expect(refusals).toEqual([]);
});

test('half a change is not taken; it is told of once, and the rest of it mends it', async () => {
  const next = authority.issue('DNS:sluice-internal');
  replace({ ...next, key: first.key });
  await reads(() => refusals.length > 0);
  let reading = 0;
  await reads(() => (reading += 1) > 5);
  expect(refusals).toEqual(['key does not belong to the certificate']);
  expect(watch.key.equals(first.key)).toBe(true);
  replace(next);
  await reads(() => shown.length > 0);
  expect(watch.key.equals(next.key)).toBe(true);
});

test('files that are gone for a while change nothing', async () => {
  unlinkSync(file('..data'));
  await reads(() => refusals.length > 0);
  expect(refusals).toEqual(['cannot be read']);
  expect(watch.certificate.equals(first.certificate)).toBe(true);
  const next = authority.issue('DNS:sluice-internal');
  replace(next);
  await reads(() => shown.length > 0);
  expect(watch.certificate.equals(next.certificate)).toBe(true);
});

test('a new authority is believed first, and its certificate shown later', async () => {
  const another = new TestAuthority('another');
  const next = another.issue('DNS:sluice-internal');
  another.remove();
  replace(next);
  await reads(() => shown.length > 0);
  expect(watch.ca.toString()).toContain(another.ca.toString());
  expect(watch.ca.toString()).toContain(authority.ca.toString());
  expect(watch.certificate.equals(first.certificate)).toBe(true);
  clock.elapse(SPREAD_MS);
  await reads(() => watch.certificate.equals(next.certificate));
});

test('one that is stopped while it reads says no more', async () => {
  clock.elapse(READ_EVERY_MS);
  watch.stop();
  unlinkSync(file('..data'));
  // A read that began later has ended.
  await readFile(file('..version-1/tls.key')).catch(() => undefined);
  await eventually(() => undefined);
  expect(refusals).toEqual([]);
});

test('one that was stopped reads no more', async () => {
  watch.stop();
  replace(authority.issue('DNS:sluice-internal'));
  clock.elapse(10 * READ_EVERY_MS);
  await eventually(() => undefined);
  expect(shown).toEqual([]);
});
