import { signal } from '@preact/signals';
import { explainProblem } from './device-problem.js';
import { LocalDevice } from './local-device.js';

/** Encoding three simulcast layers of a larger picture takes more than two cores can spare. */
const WEAK_MACHINE_CORES = 2;

function cameraConstraints(cores: number): MediaTrackConstraints {
  const [width, height] = cores <= WEAK_MACHINE_CORES ? [960, 540] : [1280, 720];
  return { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30 } };
}

/** What this machine can send: a camera, a microphone, and a screen with its sound. */
export class LocalMedia {
  readonly camera = new LocalDevice(
    'camera',
    { video: cameraConstraints(navigator.hardwareConcurrency) },
    'closed',
  );
  readonly microphone = new LocalDevice(
    'microphone',
    { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } },
    'silent',
  );
  readonly screen = signal<MediaStream | undefined>(undefined);

  /** Opens what is wanted. */
  async start(): Promise<void> {
    const wanted = [this.camera, this.microphone].filter(({ wanted }) => wanted.peek());
    await Promise.all(wanted.map((device) => device.turnOn()));
  }

  /** Asks which screen to share; resolves with what went wrong, if anything did. */
  async shareScreen(): Promise<string | undefined> {
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({
        video: { frameRate: { ideal: 30 } },
        audio: true,
      });
      const [video] = stream.getVideoTracks();
      if (video) video.contentHint = 'detail';
      video?.addEventListener('ended', () => this.stopScreen());
      this.stopScreen();
      this.screen.value = stream;
      return undefined;
    } catch (error) {
      return explainProblem('screen', error);
    }
  }

  stopScreen(): void {
    for (const track of this.screen.peek()?.getTracks() ?? []) track.stop();
    this.screen.value = undefined;
  }

  stop(): void {
    this.camera.close();
    this.microphone.close();
    this.stopScreen();
  }
}
