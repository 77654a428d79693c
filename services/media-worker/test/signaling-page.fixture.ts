import type { Page } from 'playwright-core';

/** What a page got over its data channel. */
export interface Heard {
  readonly event: string;
  readonly message?: string;
  readonly id: string;
  readonly call_id?: string;
  readonly device_id?: string;
  readonly purpose?: string;
  readonly sdp?: string;
}

export interface Shown {
  readonly framesDecoded: number;
  readonly streamId: string;
}

export interface StreamKeys {
  /** Where it is pulled from. */
  readonly foci?: string;
  readonly call_id: string;
  readonly device_id: string;
  readonly purpose: string;
}

interface SignalingPages {
  /** The first offer, of data channels alone. */
  start(client: string, opens: boolean): Promise<string>;
  accept(client: string, answer: string): Promise<void>;
  /** Until a channel called signaling is open; says who opened it. */
  channel(client: string): Promise<string>;
  say(client: string, text: string): void;
  /** The next message with that id; of events that ask for nothing, any. */
  hear(client: string, id: string): Promise<Heard>;
  heard(client: string): Heard[];
  publish(client: string, keys: StreamKeys, id: string): Promise<Heard>;
  subscribe(client: string, keys: StreamKeys, id: string): Promise<Heard>;
  subscribeByOffer(client: string, keys: StreamKeys, id: string): Promise<Heard>;
  shown(client: string): Promise<Shown[]>;
  state(client: string): string;
  close(client: string): void;
}

declare global {
  interface Window {
    signaling: SignalingPages;
  }
}

/** A client of SFU-to-SFU as its README has it, in a page. */
export class SignalingPage {
  constructor(
    private readonly page: Page,
    private readonly name: string,
  ) {}

  static async install(page: Page): Promise<void> {
    await page.evaluate(installSignaling);
  }

  /** `opens`: the client makes the channel, as the original's code has it. */
  async connect(create: (offer: string) => Promise<string>, opens = false): Promise<string> {
    const offer = await this.page.evaluate(
      ([client, byClient]) => window.signaling.start(client, byClient),
      [this.name, opens] as const,
    );
    const answer = await create(offer);
    await this.page.evaluate(([client, sdp]) => window.signaling.accept(client, sdp), [
      this.name,
      answer,
    ] as const);
    return this.page.evaluate((client) => window.signaling.channel(client), this.name);
  }

  publish(keys: StreamKeys, id = 'publish'): Promise<Heard> {
    return this.page.evaluate(
      ([client, stream, request]) => window.signaling.publish(client, stream, request),
      [this.name, keys, id] as const,
    );
  }

  subscribe(keys: StreamKeys, id = 'subscribe'): Promise<Heard> {
    return this.page.evaluate(
      ([client, stream, request]) => window.signaling.subscribe(client, stream, request),
      [this.name, keys, id] as const,
    );
  }

  subscribeByOffer(keys: StreamKeys, id = 'subscribe'): Promise<Heard> {
    return this.page.evaluate(
      ([client, stream, request]) => window.signaling.subscribeByOffer(client, stream, request),
      [this.name, keys, id] as const,
    );
  }

  async say(message: object | string): Promise<void> {
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    await this.page.evaluate(([client, said]) => window.signaling.say(client, said), [
      this.name,
      text,
    ] as const);
  }

  hear(id: string): Promise<Heard> {
    return this.page.evaluate(([client, request]) => window.signaling.hear(client, request), [
      this.name,
      id,
    ] as const);
  }

  heard(): Promise<Heard[]> {
    return this.page.evaluate((client) => window.signaling.heard(client), this.name);
  }

  async ask(message: StreamKeys & { event: string; id: string }): Promise<Heard> {
    await this.say(message);
    return this.hear(message.id);
  }

  shown(): Promise<Shown[]> {
    return this.page.evaluate((client) => window.signaling.shown(client), this.name);
  }

  state(): Promise<string> {
    return this.page.evaluate((client) => window.signaling.state(client), this.name);
  }

  close(): Promise<void> {
    return this.page.evaluate((client) => window.signaling.close(client), this.name);
  }
}

/** Runs in the page, so it uses nothing from outside itself. */
function installSignaling(): void {
  interface Client {
    readonly connection: RTCPeerConnection;
    readonly channel: Promise<[RTCDataChannel, string]>;
    send: (text: string) => void;
    answering: Promise<void>;
    readonly log: Heard[];
    readonly waiting: Map<string, (heard: Heard) => void>;
    readonly early: Map<string, Heard[]>;
  }
  const clients = new Map<string, Client>();

  function of(name: string): Client {
    const client = clients.get(name);
    if (!client) throw new Error(`no client ${name}`);
    return client;
  }

  function next(client: Client, id: string): Promise<Heard> {
    const early = client.early.get(id)?.shift();
    if (early) return Promise.resolve(early);
    return new Promise((resolve) => client.waiting.set(id, resolve));
  }

  /** Offers that nobody asked for are answered, as the README has it. */
  async function take(client: Client, heard: Heard): Promise<void> {
    client.log.push(heard);
    const waiting = client.waiting.get(heard.id);
    client.waiting.delete(heard.id);
    if (waiting) {
      waiting(heard);
    } else if (heard.event === 'subscribe' && (heard.sdp ?? '') !== '') {
      await answer(client, heard);
    } else {
      client.early.set(heard.id, [...(client.early.get(heard.id) ?? []), heard]);
    }
  }

  /** One after the other: a PeerConnection has one offer at a time. */
  function answer(client: Client, heard: Heard): Promise<void> {
    client.answering = client.answering.then(() => answerNow(client, heard));
    return client.answering;
  }

  async function answerNow(client: Client, { id, sdp = '' }: Heard): Promise<void> {
    await client.connection.setRemoteDescription({ type: 'offer', sdp });
    await client.connection.setLocalDescription(await client.connection.createAnswer());
    const answered = client.connection.localDescription?.sdp ?? '';
    client.send(JSON.stringify({ event: 'subscribe', id, sdp: answered }));
  }

  function camera(): MediaStreamTrack[] {
    const canvas = document.createElement('canvas');
    canvas.width = 320;
    canvas.height = 180;
    const context = canvas.getContext('2d');
    let frame = 0;
    setInterval(() => {
      if (!context) return;
      frame += 1;
      context.fillStyle = `hsl(${String((frame * 3) % 360)} 70% 50%)`;
      context.fillRect(0, 0, 320, 180);
    }, 50);
    const audio = new AudioContext();
    const oscillator = audio.createOscillator();
    const destination = audio.createMediaStreamDestination();
    oscillator.connect(destination);
    oscillator.start();
    return [...destination.stream.getAudioTracks(), ...canvas.captureStream(20).getVideoTracks()];
  }

  window.signaling = {
    async start(name, opens) {
      const connection = new RTCPeerConnection();
      const { promise, resolve } = Promise.withResolvers<[RTCDataChannel, string]>();
      const client: Client = {
        connection,
        channel: promise,
        send: () => undefined,
        answering: Promise.resolve(),
        log: [],
        waiting: new Map(),
        early: new Map(),
      };
      clients.set(name, client);
      const use = (channel: RTCDataChannel, who: string) => {
        channel.onmessage = ({ data }) => void take(client, JSON.parse(String(data)) as Heard);
        const ready = () => {
          client.send = (text) => channel.send(text);
          resolve([channel, who]);
        };
        if (channel.readyState === 'open') ready();
        else channel.onopen = ready;
      };
      connection.ondatachannel = ({ channel }) => use(channel, `server ${channel.label}`);
      connection.ontrack = ({ track }) => {
        const element = document.createElement(track.kind === 'audio' ? 'audio' : 'video');
        element.srcObject = new MediaStream([track]);
        void element.play();
      };
      const own = connection.createDataChannel(opens ? 'signaling' : 'unused');
      if (opens) use(own, 'client signaling');
      await connection.setLocalDescription(await connection.createOffer());
      return connection.localDescription?.sdp ?? '';
    },
    async accept(name, sdp) {
      await of(name).connection.setRemoteDescription({ type: 'answer', sdp });
    },
    async channel(name) {
      const [, who] = await of(name).channel;
      return who;
    },
    say(name, text) {
      of(name).send(text);
    },
    hear: (name, id) => next(of(name), id),
    heard: (name) => of(name).log,
    async publish(name, keys, id) {
      const client = of(name);
      const { connection } = client;
      const stream = new MediaStream();
      if (connection.signalingState === 'stable') {
        for (const track of camera()) {
          connection.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
        }
        await connection.setLocalDescription(await connection.createOffer());
      }
      client.send(
        JSON.stringify({ event: 'publish', id, ...keys, sdp: connection.localDescription?.sdp }),
      );
      const heard = await next(client, id);
      if (heard.event === 'publish') {
        await connection.setRemoteDescription({ type: 'answer', sdp: heard.sdp ?? '' });
      }
      return heard;
    },
    async subscribe(name, keys, id) {
      const client = of(name);
      client.send(JSON.stringify({ event: 'subscribe', id, ...keys }));
      const heard = await next(client, id);
      if (heard.event === 'subscribe') await answer(client, heard);
      return heard;
    },
    async subscribeByOffer(name, keys, id) {
      const client = of(name);
      const { connection } = client;
      if (connection.signalingState === 'stable') {
        for (const kind of ['audio', 'video']) {
          connection.addTransceiver(kind, { direction: 'recvonly' });
        }
        await connection.setLocalDescription(await connection.createOffer());
      }
      const sdp = connection.localDescription?.sdp;
      client.send(JSON.stringify({ event: 'subscribe', id, ...keys, sdp }));
      const heard = await next(client, id);
      if (heard.event === 'subscribe') {
        await connection.setRemoteDescription({ type: 'answer', sdp: heard.sdp ?? '' });
      }
      return heard;
    },
    async shown(name) {
      const { connection } = of(name);
      const found: Shown[] = [];
      for (const report of (await connection.getStats()).values() as Iterable<
        Record<string, string | number>
      >) {
        if (report['type'] !== 'inbound-rtp' || report['kind'] !== 'video') continue;
        const sections = connection.remoteDescription?.sdp.split('\r\nm=') ?? [];
        const mid = String(report['mid']);
        const section = sections.find((part) => part.includes(`\r\na=mid:${mid}\r\n`)) ?? '';
        const [, streamId = ''] = /\r\na=msid:(\S+)/.exec(section) ?? [];
        found.push({ framesDecoded: Number(report['framesDecoded'] ?? 0), streamId });
      }
      return found;
    },
    state: (name) => of(name).connection.connectionState,
    close(name) {
      of(name).connection.close();
    },
  };
}
