import { computed, signal } from '@preact/signals';
import {
  codeOf,
  messageOf,
  mintToken,
  readClaims,
  sendableCodecs,
  type PictureCodec,
} from '../client/index.js';
import { Call } from './call.js';
import { Cameras } from './cameras.js';
import { endpointsOf } from './endpoints.js';
import type { Invitation } from './invitation.js';
import type { LocalMedia } from './local-media.js';

const REMEMBERED_NAME = 'sluice.name';
const REMEMBERED_CODEC = 'sluice.codec';

/** The way into a room: what the form holds, and the call that comes of it. */
export class Entrance {
  readonly name = signal('');
  readonly room = signal('');
  readonly token = signal('');
  readonly codecs = sendableCodecs();
  readonly codec = signal<PictureCodec>(
    this.codecs.find((codec) => codec === localStorage.getItem(REMEMBERED_CODEC)) ?? 'VP8',
  );
  readonly joining = signal(false);
  readonly problem = signal<string | undefined>(undefined);
  readonly call = signal<Call | undefined>(undefined);
  readonly claims = computed(() => readClaims(this.token.value.trim()));

  constructor(
    private readonly pageUrl: string,
    readonly media: LocalMedia,
  ) {}

  /** Fills the form in from a link, and from what was typed the last time. */
  accept(invitation: Invitation): void {
    this.token.value = invitation.token ?? this.token.peek();
    const claims = this.claims.peek();
    const typed = claims?.admin === true ? undefined : claims?.name;
    this.name.value = invitation.name ?? typed ?? localStorage.getItem(REMEMBERED_NAME) ?? '';
    this.room.value = claims?.room ?? invitation.room ?? this.room.peek();
  }

  async join(): Promise<void> {
    if (this.joining.peek()) return;
    this.joining.value = true;
    this.problem.value = undefined;
    const call = this.#newCall();
    try {
      await call.join();
      this.call.value = call;
    } catch (error) {
      this.problem.value = explain(error);
    } finally {
      this.joining.value = false;
    }
  }

  leave(): void {
    this.call.peek()?.leave();
    this.call.value = undefined;
    void this.media.start();
  }

  #newCall(): Call {
    const { ws, tokens, ingests } = endpointsOf(this.pageUrl);
    const given = this.token.peek().trim();
    const claims = this.claims.peek();
    const room = this.room.peek().trim();
    const name = this.name.peek().trim() || 'Guest';
    const codec = this.codec.peek();
    localStorage.setItem(REMEMBERED_NAME, name);
    localStorage.setItem(REMEMBERED_CODEC, codec);
    // One administrator's link serves many participants: each page is one of its own.
    const wish = { subject: newSubject(), name, room, publish: true, subscribe: true };
    const admin = claims?.admin === true;
    const mayPull = admin || claims?.ingest === true;
    return new Call({
      url: ws,
      room,
      name,
      mayPublish: claims?.publish !== false,
      codec,
      media: this.media,
      cameras: mayPull ? new Cameras(ingests, given, room) : undefined,
      token: () => (admin ? mintToken(tokens, given, wish) : Promise.resolve(given)),
    });
  }
}

function newSubject(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  return `web-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

function explain(error: unknown): string {
  switch (codeOf(error)) {
    case 'UNAUTHENTICATED':
      return `The token is not accepted: ${messageOf(error).replace(/^Authentication failed: /, '')}.`;
    case 'PERMISSION_DENIED':
      return 'The token is for another room.';
    case 'CAPACITY_EXHAUSTED':
      return 'The cluster is full just now. Try again in a moment.';
    case 'CONNECTION_LOST':
    case 'DEADLINE_EXCEEDED':
    case 'UNAVAILABLE':
      return 'The server cannot be reached. Try again in a moment.';
    default:
      return messageOf(error);
  }
}
