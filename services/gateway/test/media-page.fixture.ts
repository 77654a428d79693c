import type { Page } from 'playwright-core';

export interface MediaReading {
  /** Decoded since the last reset. */
  readonly frames: number;
  readonly longestGapMs: number;
  /** How often a client of the page took its session up again. */
  readonly resumed: number;
  /** PeerConnections that were ever made. */
  readonly connections: number;
}

/** One publisher and one viewer in a page, each with a socket that it resumes when it is lost. */
export async function mediaPage(
  page: Page,
  options: { readonly ws: string; readonly tokens: readonly [string, string] },
) {
  await page.evaluate(async ({ ws, tokens: [publisherToken, viewerToken] }) => {
    const roomName = 'media';
    const state = { frames: 0, lastFrameMs: 0, longestGapMs: 0, resumed: 0, connections: 0 };
    type Message = Record<string, string> & { type: string };
    const connection = () => {
      state.connections += 1;
      return new RTCPeerConnection();
    };
    const client = (token: string, onMessage: (message: Message) => void) => {
      let socket: WebSocket;
      let resumeToken: string | undefined;
      const connect = () => {
        socket = new WebSocket(ws);
        const hello = resumeToken ? { type: 'resume', resumeToken } : { type: 'auth', token };
        socket.onopen = () => socket.send(JSON.stringify(hello));
        socket.onmessage = ({ data }) => {
          const message = JSON.parse(String(data)) as Message;
          resumeToken = message['resumeToken'] ?? resumeToken;
          if (message.type === 'resumed') state.resumed += 1;
          onMessage(message);
        };
        socket.onclose = () => setTimeout(connect, 100);
      };
      connect();
      return (message: object) => socket.send(JSON.stringify({ roomName, ...message }));
    };

    const source = await navigator.mediaDevices.getUserMedia({ video: true });
    const sending = connection();
    for (const track of source.getTracks()) sending.addTrack(track, source);
    await sending.setLocalDescription();
    const offer = sending.localDescription?.sdp;
    const publish = client(publisherToken, (message) => {
      if (message.type === 'authenticated') publish({ type: 'publish-offer', offer });
      if (message.type === 'publish-answer') {
        void sending.setRemoteDescription({ type: 'answer', sdp: message['answer'] ?? '' });
      }
    });

    const receiving: RTCPeerConnection[] = [];
    const view = client(viewerToken, (message) => {
      const { publisherId } = message;
      if (message.type === 'authenticated') view({ type: 'join-room' });
      if (message.type === 'new-publisher' && receiving.length === 0) {
        receiving.push(connection());
        view({ type: 'subscribe-request', publisherId });
      }
      const [viewing] = receiving;
      if (message.type !== 'subscribe-offer' || !viewing) return;
      void (async () => {
        await viewing.setRemoteDescription({ type: 'offer', sdp: message['offer'] ?? '' });
        await viewing.setLocalDescription();
        const answer = viewing.localDescription?.sdp;
        view({ type: 'subscribe-answer', publisherId, answer });
      })();
    });

    let decoded = 0;
    setInterval(() => {
      void receiving[0]?.getStats().then((report) => {
        for (const row of report.values() as Iterable<Record<string, unknown>>) {
          const now = row['framesDecoded'];
          if (row['type'] !== 'inbound-rtp' || typeof now !== 'number' || now <= decoded) continue;
          const atMs = performance.now();
          if (state.lastFrameMs > 0) {
            state.longestGapMs = Math.max(state.longestGapMs, atMs - state.lastFrameMs);
          }
          state.lastFrameMs = atMs;
          state.frames += now - decoded;
          decoded = now;
        }
      });
    }, 20);
    Object.assign(window, { mediaState: state });
  }, options);
  return {
    read: () => page.evaluate<MediaReading>('({ ...mediaState })'),
    reset: () => page.evaluate('Object.assign(mediaState, { frames: 0, longestGapMs: 0 })'),
  };
}
