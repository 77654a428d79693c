import { describe, expect, it } from 'vitest';
import { FakeProducer, aCopy } from '../relays/relay-fakes.fixture.js';

const aTrack = (trackId = 'video') => {
  const producer = new FakeProducer();
  return { producer, track: { trackId, producer: producer.asProducer() } };
};

describe('a copy', () => {
  it('loses a track when its producer closes', () => {
    const copy = aCopy();
    const { producer, track } = aTrack();
    copy.addTrack(track);
    producer.close();
    expect(copy.tracks.size).toBe(0);
  });

  it('keeps the successor of a track when the predecessor closes', () => {
    const copy = aCopy();
    const [before, after] = [aTrack(), aTrack()];
    copy.addTrack(before.track);
    copy.addTrack(after.track);
    before.producer.close();
    expect(copy.tracks.get('video')).toBe(after.track);
  });

  it('holds on to a track that is to be kept until it is removed', () => {
    const copy = aCopy();
    const { producer, track } = aTrack();
    copy.keepTrack(track);
    producer.close();
    expect(copy.tracks.get('video')).toBe(track);
    copy.removeTrack('video', producer.id);
    expect(copy.tracks.size).toBe(0);
  });

  it('is wanted while any watcher wants packets, and watched while there is one', () => {
    const copy = aCopy();
    const seen: string[] = [];
    copy.on('wantedChanged', (wanted) => seen.push(`wanted ${String(wanted)}`));
    copy.on('watchedChanged', (watched) => seen.push(`watched ${String(watched)}`));
    const [ann, bob] = [{}, {}];
    copy.watch(ann, false);
    copy.watch(bob, true);
    copy.watch(ann, true);
    copy.watch(bob, false);
    copy.watch(ann, false);
    copy.unwatch(bob);
    copy.unwatch(ann);
    copy.unwatch(ann);
    expect(seen).toEqual(['watched true', 'wanted true', 'wanted false', 'watched false']);
  });

  it('tells of another source once', () => {
    const copy = aCopy();
    let told = 0;
    copy.on('sourceChanged', () => (told += 1));
    copy.changeSource(1, ['here']);
    expect(told).toBe(0);
    copy.changeSource(2, ['there', 'here']);
    copy.changeSource(2, ['there', 'here']);
    expect(told).toBe(1);
    expect(copy.epoch).toBe(2);
  });
});
