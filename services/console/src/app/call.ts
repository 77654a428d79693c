import { computed, effect, signal } from '@preact/signals';
import {
  CAMERA,
  CONNECTION_LOST,
  SCREEN,
  RoomClient,
  codeOf,
  messageOf,
  type ChatLine,
  type Participant,
  type PictureCodec,
  type Quality,
  type RemoteStream,
  type RoomReading,
  type RoomStatus,
  type StreamKey,
} from '../client/index.js';
import { BitrateHistory } from './bitrate-history.js';
import type { Cameras } from './cameras.js';
import type { LocalMedia } from './local-media.js';
import { Notices } from './notices.js';
import { tilesOf } from './tiles.js';

export interface CallOptions {
  readonly url: string;
  readonly room: string;
  readonly name: string;
  readonly token: () => Promise<string>;
  /** Whether the token allows sending. */
  readonly mayPublish: boolean;
  /** Of what the page sends. */
  readonly codec: PictureCodec;
  readonly media: LocalMedia;
  /** For those who may add and remove them. */
  readonly cameras: Cameras | undefined;
}

/** A line of the chat, as it is shown. */
export interface ShownLine extends ChatLine {
  readonly own: boolean;
}

const LINES_KEPT = 500;

/** Louder than the noise of a quiet room, on the scale of RTCStats from 0 to 1. */
const SPEAKING_LEVEL = 0.03;

/** A call as the page shows it: what the client knows, as signals. */
export class Call {
  readonly status = signal<RoomStatus>('connecting');
  readonly ended = signal<string | undefined>(undefined);
  readonly node = signal<string | undefined>(undefined);
  readonly reading = signal<RoomReading | undefined>(undefined);
  readonly notices = new Notices();
  readonly lines = signal<readonly ShownLine[]>([]);
  readonly history = new BitrateHistory();
  readonly #participants = signal<readonly Participant[]>([]);
  readonly #streams = signal<readonly RemoteStream[]>([]);
  readonly #heardByServer = signal<readonly string[]>([]);
  readonly #ownCamera = computed(() => asStream(this.options.media.camera.track.value));
  readonly #client: RoomClient;
  readonly #stopEffects: (() => void)[] = [];

  /** Everybody and everything to show. */
  readonly tiles = computed(() => {
    const { media, name } = this.options;
    return tilesOf({
      self: { id: this.#client.selfId ?? '', name },
      ownCamera: this.#ownCamera.value,
      ownScreen: media.screen.value,
      ownAudio: media.microphone.on.value,
      participants: this.#participants.value,
      streams: this.#streams.value,
    });
  });

  /** Participants who are heard just now. */
  readonly speakers = computed<ReadonlySet<string>>(() => {
    const received = this.reading.value?.received;
    const loud = this.tiles.value.filter(
      ({ key }) => (received?.get(key)?.flow.audioLevel ?? 0) > SPEAKING_LEVEL,
    );
    return new Set([...this.#heardByServer.value, ...loud.map((tile) => tile.participantId)]);
  });

  constructor(readonly options: CallOptions) {
    this.#client = new RoomClient(options);
    this.#listen();
  }

  /** Throws what the server says when the room cannot be entered. */
  async join(): Promise<void> {
    try {
      await this.#client.join();
    } catch (error) {
      this.#client.leave();
      throw error;
    }
    if (this.options.mayPublish) this.#publishWhatIsOn();
  }

  leave(): void {
    this.#stop();
    this.#client.leave();
  }

  async shareScreen(): Promise<void> {
    const problem = await this.options.media.shareScreen();
    if (problem !== undefined) this.notices.add(problem);
  }

  openChat(): void {
    if (this.options.mayPublish) this.#publish(this.#client.openChat());
  }

  write(text: string): void {
    const id = crypto.randomUUID();
    this.#client.write({ id, text });
    const participantId = this.#client.selfId ?? '';
    this.#show({ id, text, participantId, username: this.options.name, own: true });
  }

  setQuality(key: StreamKey, quality: Quality): void {
    this.#client.setQuality(key, quality);
  }

  setShownWidth(key: StreamKey, widthPx: number): void {
    this.#client.setShownWidth(key, widthPx);
  }

  #listen(): void {
    const client = this.#client;
    client.on('statusChanged', (status) => (this.status.value = status));
    client.on('changed', () => {
      this.node.value = client.node;
      this.#participants.value = client.participants.all;
      this.#streams.value = client.streams;
    });
    client.on('lineWritten', (line) => this.#show({ ...line, own: false }));
    client.on('speakersChanged', (speakers) => (this.#heardByServer.value = speakers));
    client.on('measured', (reading) => {
      this.node.value = client.node;
      this.reading.value = reading;
      this.history.add(reading);
    });
    client.on('noticed', (text) => this.notices.add(text));
    client.on('failed', (error) => {
      this.#stop();
      this.ended.value = error.message;
    });
    const hurry = () => client.hurry();
    window.addEventListener('online', hurry);
    this.#stopEffects.push(() => window.removeEventListener('online', hurry));
  }

  #show(line: ShownLine): void {
    this.lines.value = [...this.lines.peek(), line].slice(-LINES_KEPT);
  }

  #publishWhatIsOn(): void {
    const { camera, microphone, screen } = this.options.media;
    this.#stopEffects.push(
      effect(() => {
        const tracks = { audio: microphone.track.value, video: camera.track.value };
        this.#publish(this.#client.publish(CAMERA, 'camera', tracks));
      }),
      effect(() => {
        const [audio] = screen.value?.getAudioTracks() ?? [];
        const [video] = screen.value?.getVideoTracks() ?? [];
        this.#publish(this.#client.publish(SCREEN, 'screen', { audio, video }));
      }),
    );
  }

  #publish(published: Promise<void>): void {
    published.catch((error: unknown) => {
      // Without a connection it is sent again as soon as there is one.
      if (codeOf(error) !== CONNECTION_LOST) this.notices.add(explainPublishing(error));
    });
  }

  #stop(): void {
    for (const stop of this.#stopEffects.splice(0)) stop();
    this.options.media.stopScreen();
  }
}

function explainPublishing(error: unknown): string {
  if (codeOf(error) === 'ALREADY_EXISTS') {
    return 'Somebody else sends with your token in this room already, perhaps you in another tab.';
  }
  if (codeOf(error) === 'PERMISSION_DENIED') return 'Your token does not allow you to send.';
  return `You cannot be seen or heard: ${messageOf(error)}`;
}

function asStream(track: MediaStreamTrack | undefined): MediaStream | undefined {
  return track && new MediaStream([track]);
}
