import { describe, expect, test } from 'vitest';
import { assignTracks } from './assign-tracks.js';
import { mediaSections, withoutSending } from './media-sections.js';
import type { UmbrellaTrack } from './messages.js';

const OFFER = [
  'v=0',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'a=mid:0',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'a=mid:1',
  'a=sendonly',
  'a=msid:made-up made-up',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'a=mid:2',
  'a=sendonly',
  'a=msid:camera%2F1 UMB_RELAY_1',
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'a=mid:3',
  'a=sendrecv',
  'a=msid:camera%2F1 UMB_RELAY_2',
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'a=mid:4',
  'a=inactive',
  '',
].join('\r\n');

function aTrack(id: string, kind: 'audio' | 'video', streamId: string): UmbrellaTrack {
  return { id, kind, streamId, umbrellaId: `U-${id}`, path: [] };
}

function assigned(announced: readonly UmbrellaTrack[], saidBefore: [string, string][] = []) {
  const map = assignTracks(mediaSections(OFFER), announced, new Map(saidBefore));
  return Object.fromEntries([...map].map(([mid, { umbrellaId }]) => [mid, umbrellaId]));
}

describe('what the m-lines of an offer carry', () => {
  test('is known by track ids, as browsers announce them', () => {
    const tracks = [aTrack('UMB_RELAY_2', 'video', 'x'), aTrack('UMB_RELAY_1', 'audio', 'y')];
    expect(assigned(tracks)).toEqual({ 2: 'U-UMB_RELAY_1', 3: 'U-UMB_RELAY_2' });
  });

  test('else by stream ids, as servers keep them, and the m-line that is only there carries nothing', () => {
    const tracks = [aTrack('a', 'audio', 'camera/1'), aTrack('v', 'video', 'camera/1')];
    expect(assigned(tracks)).toEqual({ 2: 'U-a', 3: 'U-v' });
  });

  test('else by what was said of the m-line before', () => {
    const tracks = [aTrack('a', 'audio', '-'), aTrack('b', 'audio', '-')];
    expect(assigned(tracks, [['1', 'U-b']])).toEqual({ 1: 'U-b', 2: 'U-a' });
  });

  test('else by order, from the end', () => {
    expect(assigned([aTrack('a', 'audio', '-'), aTrack('v', 'video', '-')])).toEqual({
      2: 'U-a',
      3: 'U-v',
    });
  });

  test('is nothing where nothing was announced', () => {
    expect(assigned([])).toEqual({});
  });
});

test('m-lines that are not wanted are answered as if they did not send', () => {
  const changed = withoutSending(OFFER, new Set(['1', '3']));
  expect(
    mediaSections(changed)
      .map(({ mid, sends }) => (sends ? mid : '-'))
      .join(''),
  ).toBe('0-2--');
  expect(changed.replace('a=mid:1\r\na=inactive', 'a=mid:1\r\na=sendonly')).toBe(
    OFFER.replace('a=sendrecv', 'a=recvonly'),
  );
});
