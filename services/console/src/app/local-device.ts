import { computed, signal } from '@preact/signals';
import { NO_DEVICES_HERE, explainProblem } from './device-problem.js';

/** A camera or a microphone: wanted or not, open or not, and if not why. */
export class LocalDevice {
  readonly track = signal<MediaStreamTrack | undefined>(undefined);
  readonly wanted = signal(true);
  readonly problem = signal<string | undefined>(undefined);
  readonly on = computed(() => this.wanted.value && this.track.value !== undefined);
  #opening: Promise<void> | undefined;

  constructor(
    private readonly device: 'camera' | 'microphone',
    private readonly constraints: MediaStreamConstraints,
    /** Whether being off leaves the device open and silent, for an instant return. */
    private readonly off: 'closed' | 'silent',
  ) {}

  async turnOn(): Promise<void> {
    this.wanted.value = true;
    const open = this.track.peek();
    if (open) open.enabled = true;
    else await (this.#opening ??= this.#open().finally(() => (this.#opening = undefined)));
  }

  turnOff(): void {
    this.wanted.value = false;
    this.problem.value = undefined;
    const open = this.track.peek();
    if (open && this.off === 'silent') open.enabled = false;
    else this.close();
  }

  toggle(): void {
    if (this.on.peek()) this.turnOff();
    else void this.turnOn();
  }

  close(): void {
    this.track.peek()?.stop();
    this.track.value = undefined;
  }

  async #open(): Promise<void> {
    this.problem.value = undefined;
    // Absent where the page is neither on HTTPS nor on this machine.
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    if (!devices) {
      this.problem.value = NO_DEVICES_HERE;
      return;
    }
    try {
      const stream = await devices.getUserMedia(this.constraints);
      this.#use(stream.getTracks()[0]);
    } catch (error) {
      this.problem.value = explainProblem(this.device, error);
    }
  }

  #use(track: MediaStreamTrack | undefined): void {
    if (!this.wanted.peek()) {
      track?.stop();
      return;
    }
    track?.addEventListener('ended', () => {
      if (this.track.peek() !== track) return;
      this.track.value = undefined;
      this.problem.value = `Your ${this.device} went away.`;
    });
    this.track.value = track;
  }
}
