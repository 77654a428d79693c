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
    if (width !== undefined && video.frameWidth !== width) {
      return `frames are ${video.frameWidth} wide instead of ${width}`;
    }
    const frames = video.framesDecoded - before;
    return frames >= FRAMES_TO_SEE ? undefined : `only ${frames} frames were decoded`;
  }, PLAYBACK_TIMEOUT_MS);
}

/** Waits until something is heard: silence has no energy. */
export async function hearAudio(viewer: BrowserParticipant, wanted: Wanted): Promise<void> {
  const before = (await viewer.receivedAudio(wanted))?.totalAudioEnergy ?? 0;
  await eventually(async () => {
    const energy = (await viewer.receivedAudio(wanted))?.totalAudioEnergy ?? 0;
    return energy > before ? undefined : `audio energy stays ${energy}`;
  }, PLAYBACK_TIMEOUT_MS);
}
