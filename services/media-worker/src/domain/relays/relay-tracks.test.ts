import { beforeEach, describe, expect, it } from 'vitest';
import { TrackKind } from '@sluice/proto-gen/common';
import type { RelayTrack } from '@sluice/proto-gen/media_node';
import { FakePipeTransport, aCopy } from './relay-fakes.fixture.js';
import { RelayTracks } from './relay-tracks.js';
import type { StreamCopy } from '../streams/stream-copy.js';

let copy: StreamCopy;
let tracks: RelayTracks;
let transport: FakePipeTransport;

beforeEach(() => {
  copy = aCopy();
  tracks = new RelayTracks(copy);
  transport = new FakePipeTransport();
});

const aTrack = (trackId: string, ssrc = 1, paused = false): RelayTrack => ({
  track: { trackId, kind: TrackKind.TRACK_KIND_VIDEO, paused, mimeType: 'video/VP8' },
  rtpParametersJson: JSON.stringify({ ssrc }),
});
const apply = (...list: RelayTrack[]) => tracks.apply(list, transport.asTransport());

describe("an edge's tracks", () => {
  it('become what the parent lists', async () => {
    await apply(aTrack('a'), aTrack('b'));
    expect([...copy.tracks.keys()]).toEqual(['a', 'b']);

    await apply(aTrack('b'));
    expect([...copy.tracks.keys()]).toEqual(['b']);
    expect(transport.producers.map(({ closed }) => closed)).toEqual([true, false]);
  });

  it('stay as they are when the list is said again', async () => {
    await apply(aTrack('a'));
    await apply(aTrack('a'));
    expect(transport.producers).toHaveLength(1);
  });

  it('are muted and unmuted', async () => {
    await apply(aTrack('a', 1, true));
    expect(copy.tracks.get('a')?.producer.paused).toBe(true);
    await apply(aTrack('a', 1, false));
    expect(copy.tracks.get('a')?.producer.paused).toBe(false);
  });

  it('are replaced without a gap when the parent sends them anew', async () => {
    await apply(aTrack('a', 1));
    const seen: number[] = [];
    copy.on('tracksChanged', () => seen.push(copy.tracks.size));
    await apply(aTrack('a', 2));
    expect(seen).toEqual([1]);
    expect(transport.producers.map(({ closed }) => closed)).toEqual([true, false]);
  });

  it('are replaced when they come over another pipe', async () => {
    await apply(aTrack('a'));
    const before = transport;
    before.close();
    expect(copy.tracks.has('a')).toBe(true);

    transport = new FakePipeTransport();
    await apply(aTrack('a'));
    expect(copy.tracks.get('a')?.producer.id).toBe(transport.producers[0]?.id);
  });

  it('leave nothing behind when the copy closes meanwhile', async () => {
    const applying = apply(aTrack('a'));
    copy.close('unwatched');
    await expect(applying).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(transport.producers.every(({ closed }) => closed)).toBe(true);
  });

  const BAD: readonly (readonly [string, readonly RelayTrack[]])[] = [
    ['two tracks of one name', [aTrack('a'), aTrack('a', 2)]],
    ['a nameless track', [{ rtpParametersJson: '{}' }]],
    ['RTP parameters that are no JSON', [{ ...aTrack('a'), rtpParametersJson: '{' }]],
    ['RTP parameters that are no object', [{ ...aTrack('a'), rtpParametersJson: '[1]' }]],
    ['huge RTP parameters', [{ ...aTrack('a'), rtpParametersJson: ' '.repeat(70_000) }]],
    ['too many tracks', Array.from({ length: 65 }, (_, index) => aTrack(String(index), index))],
  ];

  it.each(BAD)('refuse %s', async (_what, list) => {
    await expect(apply(...list)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('refuse a track of unknown kind', async () => {
    const track = { trackId: 'a', kind: TrackKind.UNRECOGNIZED, paused: false, mimeType: '' };
    await expect(apply({ track, rtpParametersJson: '{}' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});
