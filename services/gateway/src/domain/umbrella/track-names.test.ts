import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  HOPS_MAX,
  TrackNames,
  importedTrack,
  isClusterId,
  isUmbrellaId,
  participantOfPeer,
  purposeOf,
} from './track-names.js';

const names = new TrackNames('a cluster secret of thirty-two characters');

test('a track of ours has one name for all gateways of the cluster, and no other track has it', () => {
  const again = new TrackNames('a cluster secret of thirty-two characters');
  const elsewhere = new TrackNames('another secret of thirty-two characters');
  const own = names.ownId(['room', 'ann', 'camera'], 'video');
  expect(own).toBe(again.ownId(['room', 'ann', 'camera'], 'video'));
  expect(own).not.toBe(names.ownId(['room', 'ann', 'camera'], 'audio'));
  expect(own).not.toBe(elsewhere.ownId(['room', 'ann', 'camera'], 'video'));
  expect(isUmbrellaId(own)).toBe(true);
  expect(isClusterId(names.clusterId)).toBe(true);
  expect(names.clusterId).not.toBe(elsewhere.clusterId);
});

test('what a peer calls a track, and its way, are read out of the stream that it becomes', () => {
  const umbrellaId = fc.stringMatching(/^[\x21-\x7e]{1,64}$/);
  const path = fc.array(fc.stringMatching(/^[A-Za-z0-9_-]{8}$/), { maxLength: HOPS_MAX - 1 });
  fc.assert(
    fc.property(umbrellaId, path, (id, clusters) => {
      const track = { umbrellaId: id, path: clusters };
      const purpose = purposeOf(track);
      expect(purpose.length).toBeLessThanOrEqual(128);
      expect(importedTrack(participantOfPeer('somebody'), purpose)).toEqual(track);
    }),
  );
});

test('nobody else’s stream is taken for one of a peer', () => {
  const purpose = purposeOf({ umbrellaId: 'U', path: [] });
  expect(importedTrack('ann', purpose)).toBeUndefined();
  expect(importedTrack(participantOfPeer('ann'), 'm.usermedia')).toBeUndefined();
});

test.each(['', ' ', 'a b', 'ü', 'x'.repeat(65), '\n'])('%j is no umbrella id', (text) => {
  expect(isUmbrellaId(text)).toBe(false);
});
