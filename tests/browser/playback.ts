import { eventually } from '@sluice/testing';
import type { Subscribed } from './page/dialect-client.js';
import type { BrowserParticipant } from './participant.js';

type Wanted = Omit<Subscribed, 'room'>;

const FRAMES_TO_SEE = 15;
const PLAYBACK_TIMEOUT_MS = 30_000;

/** Waits until so many more frames were decoded, of that width where one is given. */
export async function seeVideo(
  viewer: BrowserParticipant,
  wanted: Wanted,
  width?: number,
): Promise<void> {
  const before = (await viewer.receivedVideo(wanted))?.framesDecoded ?? 0;
  await eventually(async () => {
    const video = await viewer.receivedVideo(wanted);
    if (!video) return 'no video is received';
    const { frameWidth, framesDecoded, packets, keyFramesDecoded } = video;
    const frames = framesDecoded - before;
    if (frames >= FRAMES_TO_SEE && (width === undefined || frameWidth === width)) return undefined;
    return `${frames} more frames, ${frameWidth} wide, of ${packets} packets and ${keyFramesDecoded} keyframes`;
  }, PLAYBACK_TIMEOUT_MS);
}

/** Waits until something is heard: silence has no energy. */
export async function hearAudio(viewer: BrowserParticipant, wanted: Wanted): Promise<void> {
  const before = (await viewer.receivedAudio(wanted))?.totalAudioEnergy ?? 0;
  await eventually(async () => {
    const audio = await viewer.receivedAudio(wanted);
    if (!audio) return 'no audio is received';
    const { totalAudioEnergy: energy, packets } = audio;
    return energy > before
      ? undefined
      : `audio energy is ${energy} after ${before}, ${packets} packets`;
  }, PLAYBACK_TIMEOUT_MS);
}
