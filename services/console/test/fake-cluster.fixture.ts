import type { Browser, BrowserContext, Page, WebSocketRoute } from 'playwright-core';
import { installMediaPage, type Bot, type MediaPage } from './media-page.fixture.js';
import { servePage, type PageServer } from './page-server.fixture.js';

export type Message = Readonly<Record<string, unknown>> & { readonly type: string };

const ROOM = 'demo room';
const ME = { userId: 'me', user_id: 'me', username: 'Robin' };

/**
 * The cluster as one page sees it, without one: the page's files, the main dialect, and media by
 * PeerConnections of another page.
 */
export class FakeCluster {
  readonly room = ROOM;
  /** Everything that the page said, in order. */
  readonly heard: Message[] = [];
  /** Requests of these types are refused. */
  readonly refusals = new Map<string, { readonly code: string; readonly message: string }>();
  #node = 'node-2';
  /** Grows with each session of the page, whose PeerConnections share no others'. */
  #session = 1;
  #reachable = true;
  #sockets: WebSocketRoute[] = [];

  private constructor(
    readonly pageServer: PageServer,
    private readonly media: Page,
    private readonly bots: Bot[],
  ) {}

  static async start(browser: Browser, folder: string, bots: readonly Bot[]): Promise<FakeCluster> {
    const pageServer = await servePage(folder);
    const media = await browser.newPage();
    // Any document of an origin that may use WebRTC.
    await media.goto(`${pageServer.url}icon.svg`);
    await media.evaluate(installMediaPage);
    return new FakeCluster(pageServer, media, [...bots]);
  }

  get url(): string {
    return this.pageServer.url;
  }

  /** Answers the WebSockets of a context's pages. */
  async serve(context: BrowserContext): Promise<void> {
    await context.routeWebSocket(/\/ws$/, (socket) => {
      if (!this.#reachable) {
        void socket.close({ code: 1013 });
        return;
      }
      this.#sockets.push(socket);
      socket.onMessage((text) => {
        // A socket that closed meanwhile needs no answer.
        void this.#handle(socket, JSON.parse(String(text)) as Message).catch(() => undefined);
      });
    });
  }

  said(type: string): readonly Message[] {
    return this.heard.filter((message) => message.type === type);
  }

  /** Tells the page something about the room. */
  tell(message: Message): void {
    const text = JSON.stringify({ roomName: ROOM, ...message });
    for (const socket of this.#sockets) socket.send(text);
  }

  arrive(bot: Bot): void {
    this.bots.push(bot);
    this.tell({ type: 'new-publisher', ...publisherOf(bot) });
  }

  depart(bot: Bot): void {
    this.bots.splice(this.bots.indexOf(bot), 1);
    this.tell({ type: 'publisher-left', ...publisherOf(bot) });
  }

  /** Ends all sockets, and refuses new ones. */
  async cut(): Promise<void> {
    this.#reachable = false;
    for (const socket of this.#sockets.splice(0)) await socket.close({ code: 1012 });
  }

  restore(): void {
    this.#reachable = true;
  }

  /** Takes another session for the page, and asks it to establish its media there. */
  move(node: string): void {
    this.#node = node;
    this.#session += 1;
    this.tell({ type: 'move', reason: 'node draining', deadlineMs: 5_000 });
  }

  /** Ends the former sessions' media, as their node does at the deadline of a drain. */
  async endFormerMedia(): Promise<void> {
    await this.#media('closeAllBut', `${String(this.#session)}:`);
  }

  async stop(): Promise<void> {
    await this.media.close();
    await this.pageServer.close();
  }

  #media(act: keyof MediaPage, ...input: unknown[]): Promise<unknown> {
    return this.media.evaluate(
      ([name, values]) => {
        const { media } = window as unknown as {
          media: Record<string, (...all: unknown[]) => unknown>;
        };
        return media[name]?.(...values);
      },
      [act, input] as const,
    );
  }

  async #handle(socket: WebSocketRoute, message: Message): Promise<void> {
    this.heard.push(message);
    const refusal = this.refusals.get(message.type);
    const reply = refusal ? { type: 'error', ...refusal } : await this.#answer(message);
    socket.send(JSON.stringify({ id: message['id'], roomName: ROOM, ...reply }));
  }

  async #answer(message: Message): Promise<object> {
    const { type, purpose } = message;
    switch (type) {
      case 'auth':
        return { type: 'authenticated', ...ME, resumeToken: 'resume-me', iceServers: [] };
      case 'resume': {
        const rooms = [{ ...this.#state(), publications: [], subscriptions: [] }];
        return { type: 'resumed', ...ME, resumeToken: 'resume-me', iceServers: [], rooms };
      }
      case 'join-room':
        return { type: 'room-joined', userId: ME.userId, ...this.#state() };
      case 'publish-offer':
        return {
          type: 'publish-answer',
          purpose,
          answer: await this.#publish(message),
          tracks: [],
        };
      case 'subscribe-request':
        return this.#subscribe(message);
      case 'subscribe-answer':
        await this.#media('accept', message['answer']);
        break;
      case 'get-stats':
        return this.#stats();
      default:
        break;
    }
    return { type: 'done', request: type };
  }

  #state(): object {
    const names = new Map(this.bots.map(({ id, name }) => [id, name]));
    return {
      roomName: ROOM,
      node: this.#node,
      participants: [...names].map(([userId, username]) => ({ userId, username })),
      publishers: this.bots.filter(({ purpose }) => purpose !== 'none').map(publisherOf),
    };
  }

  #stats(): object {
    const video = {
      trackId: 'video',
      kind: 'video',
      mimeType: 'video/VP8',
      bitrateBps: 0,
      loss: 0,
    };
    const subscriptions = this.bots.map(({ id, purpose, path }) => ({
      publisherId: id,
      purpose,
      path: [...path.slice(0, -1), this.#node],
      tracks: [{ ...video, spatial: 2, temporal: 2 }],
    }));
    return { type: 'stats', node: this.#node, subscriptions };
  }

  #publish({ purpose, offer }: Message): Promise<unknown> {
    const sdp = String(offer);
    const connection = /^o=\S+ (\S+)/m.exec(sdp)?.[1] ?? '';
    const key = [this.#session, 'publish', purpose, connection].map(String).join(':');
    return this.#media('answer', key, sdp);
  }

  async #subscribe({ publisherId, purpose, connection }: Message): Promise<object> {
    const bot = this.bots.find((one) => one.id === publisherId && one.purpose === purpose);
    if (!bot) return { type: 'error', code: 'NOT_FOUND', message: 'Publisher not found' };
    const streamId = `${ROOM}-${String(bot.id)}-${bot.purpose}`.replace(/\s/gu, encodeURIComponent);
    const key = `${String(this.#session)}:${String(connection)}`;
    const offer = await this.#media('offer', key, streamId, bot);
    return { type: 'subscribe-offer', publisherId, purpose, connection, offer };
  }
}

function publisherOf({ id, name, purpose }: Bot) {
  return { publisherId: id, username: name, purpose, tracks: [] };
}
