/** Milliseconds since the start of a join, which begins with opening the WebSocket. */
export interface JoinMarks {
  readonly node: string;
  readonly authenticatedMs: number;
  readonly joinedMs: number;
  readonly offeredMs: number;
  readonly connectedMs: number;
  readonly firstPacketMs: number;
  readonly firstFrameMs: number;
}

interface Frame {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Chromium's way to see each decoded frame as soon as there is one; not in TypeScript's DOM yet. */
declare class MediaStreamTrackProcessor {
  constructor(init: { readonly track: MediaStreamTrack });
  readonly readable: ReadableStream<{ close(): void }>;
}

class Socket {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, (frame: Frame) => void>();

  constructor(url: string) {
    this.#socket = new WebSocket(url);
    this.#socket.onmessage = (event) => {
      const frame = JSON.parse(String(event.data)) as Frame;
      this.#waiting.get(frame.type)?.(frame);
      if (frame.type === 'error') console.error(JSON.stringify(frame));
    };
  }

  async opened(): Promise<void> {
    await new Promise((resolve) => (this.#socket.onopen = resolve));
  }

  /** Sends a message and waits for the first frame of the type that answers it. */
  async ask(message: object, answeredBy: string): Promise<Frame> {
    const answer = new Promise<Frame>((resolve) => this.#waiting.set(answeredBy, resolve));
    this.send(message);
    return answer;
  }

  send(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  close(): void {
    this.#socket.close();
  }
}

/** Publishes camera and microphone until the page closes; resolves to the home node. */
export async function publish(url: string, token: string, room: string): Promise<string> {
  const socket = new Socket(url);
  await socket.opened();
  await socket.ask({ type: 'auth', token }, 'authenticated');
  const joined = await socket.ask({ type: 'join-room', roomName: room }, 'room-joined');
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: true,
    video: { width: 640, height: 360 },
  });
  const connection = new RTCPeerConnection();
  for (const track of stream.getTracks()) connection.addTrack(track, stream);
  await connection.setLocalDescription();
  const offer = connection.localDescription?.sdp;
  const reply = await socket.ask(
    { type: 'publish-offer', roomName: room, offer },
    'publish-answer',
  );
  await connection.setRemoteDescription({ type: 'answer', sdp: String(reply['answer']) });
  await until(
    connection,
    'connectionstatechange',
    () => connection.connectionState === 'connected',
  );
  return String(joined['node']);
}

/** Joins and watches one publisher until its first frame is decoded, then leaves. */
export async function join(
  url: string,
  token: string,
  room: string,
  publisherId: string,
): Promise<JoinMarks> {
  const startedAtMs = performance.now();
  const sinceStart = () => performance.now() - startedAtMs;
  const socket = new Socket(url);
  await socket.opened();
  await socket.ask({ type: 'auth', token }, 'authenticated');
  const authenticatedMs = sinceStart();
  const joined = await socket.ask({ type: 'join-room', roomName: room }, 'room-joined');
  const joinedMs = sinceStart();
  const wanted = { roomName: room, publisherId };
  const offered = await socket.ask({ type: 'subscribe-request', ...wanted }, 'subscribe-offer');
  const offeredMs = sinceStart();

  const connection = new RTCPeerConnection();
  const seen = watch(connection, sinceStart);
  await connection.setRemoteDescription({ type: 'offer', sdp: String(offered['offer']) });
  await connection.setLocalDescription();
  const answer = connection.localDescription?.sdp;
  socket.send({ type: 'subscribe-answer', ...wanted, purpose: offered['purpose'], answer });
  await until(
    connection,
    'connectionstatechange',
    () => connection.connectionState === 'connected',
  );
  const connectedMs = sinceStart();
  const { firstPacketMs, firstFrameMs } = await seen;
  connection.close();
  socket.close();
  const marks = { authenticatedMs, joinedMs, offeredMs, connectedMs, firstPacketMs, firstFrameMs };
  return { node: String(joined['node']), ...marks };
}

/** When the first packet and the first decoded frame of the video come. */
function watch(
  connection: RTCPeerConnection,
  sinceStart: () => number,
): Promise<{ firstPacketMs: number; firstFrameMs: number }> {
  return new Promise((resolve) => {
    connection.ontrack = ({ track }) => {
      if (track.kind !== 'video') return;
      // A receiver's track is muted until its first packet.
      const firstPacket = until(track, 'unmute', () => !track.muted).then(sinceStart);
      const frames = new MediaStreamTrackProcessor({ track }).readable.getReader();
      void frames.read().then(async ({ value }) => {
        const firstFrameMs = sinceStart();
        value?.close();
        await frames.cancel();
        resolve({ firstPacketMs: Math.min(await firstPacket, firstFrameMs), firstFrameMs });
      });
    };
  });
}

async function until(target: EventTarget, event: string, reached: () => boolean): Promise<void> {
  while (!reached()) {
    await new Promise((resolve) => target.addEventListener(event, resolve, { once: true }));
  }
}

declare global {
  interface Window {
    bench: { readonly join: typeof join; readonly publish: typeof publish };
  }
}

window.bench = { join, publish };
