import type { Page } from 'playwright-core';

/**
 * A client as the wire of Pion_SFU has it: one PeerConnection, ids in every message but the answer,
 * and nothing awaited. What the server says lies in `window.pion`.
 */
const PION_CLIENT = `
  window.pion = (options) => {
    const state = { errors: [], offers: 0, closed: undefined, pc: new RTCPeerConnection() };
    const ids = { self_id: options.self, room_id: options.room };
    const { pc } = state;
    const socket = new WebSocket(options.address);
    state.say = (event, data) => socket.send(JSON.stringify({ event, data }));
    state.offer = async () => {
      const offer = await pc.createOffer();
      await pc.setLocalDescription(offer);
      state.say('offer', { ...ids, offer });
    };
    state.leave = () => state.say('leaveRoom', ids);
    state.publish = async () => {
      const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
      for (const track of stream.getTracks()) pc.addTrack(track, stream);
      await state.offer();
    };
    pc.onicecandidate = ({ candidate }) => {
      if (candidate) state.say('ice-candidate', { ...ids, candidate });
    };
    pc.ontrack = ({ track }) => {
      if (track.kind !== 'video') return;
      const video = document.createElement('video');
      video.srcObject = new MediaStream([track]);
      video.autoplay = true;
      video.muted = true;
      document.body.appendChild(video);
    };
    socket.onclose = ({ code }) => { state.closed = code; };
    socket.onopen = async () => {
      for (let join = 0; join < options.joins; join += 1) state.say('joinRoom', ids);
      if (options.publishes) await state.publish();
      else {
        pc.addTransceiver('video', { direction: 'recvonly' });
        await state.offer();
      }
    };
    let turn = Promise.resolve();
    socket.onmessage = ({ data }) => {
      turn = turn.then(async () => {
        const message = JSON.parse(data);
        const value = JSON.parse(message.data);
        if (message.event === 'error') state.errors.push(value);
        if (message.event === 'answer') await pc.setRemoteDescription(value);
        if (message.event !== 'offer') return;
        state.offers += 1;
        await pc.setRemoteDescription(value);
        const answer = await pc.createAnswer();
        await pc.setLocalDescription(answer);
        state.say('answer', { answer });
      });
    };
    return state;
  };
`;

export interface PionOptions {
  readonly address: string;
  readonly room: string;
  readonly self: string;
  /** How often it joins before it offers. */
  readonly joins: number;
  readonly publishes: boolean;
}

interface PionState {
  readonly pc: RTCPeerConnection;
  readonly errors: readonly { readonly code: string }[];
  readonly offers: number;
  readonly closed: number | undefined;
  leave(): void;
  publish(): Promise<void>;
}

type PionWindow = Window & { pion(options: PionOptions): PionState; state: PionState };

/** Such a client in a page. */
export class PionClient {
  private constructor(readonly page: Page) {}

  static async open(page: Page, options: PionOptions): Promise<PionClient> {
    await page.addScriptTag({ content: PION_CLIENT });
    await page.evaluate((given) => {
      const here = window as unknown as PionWindow;
      here.state = here.pion(given);
    }, options);
    return new PionClient(page);
  }

  /** Decoded frames of each m-line that has any, by the receiving track. */
  frames(): Promise<Record<string, number>> {
    return this.page.evaluate(async () => {
      const { pc } = (window as unknown as PionWindow).state;
      const frames: Record<string, number> = {};
      for (const entry of (await pc.getStats()).values() as Iterable<Record<string, unknown>>) {
        if (entry['type'] === 'inbound-rtp' && entry['kind'] === 'video') {
          frames[String(entry['mid'])] = Number(entry['framesDecoded'] ?? 0);
        }
      }
      return frames;
    });
  }

  /** The m-lines on which the server sends now, as `stream id kind`. */
  sent(): Promise<string[]> {
    return this.page.evaluate(() => {
      const { pc } = (window as unknown as PionWindow).state;
      const sections = (pc.currentRemoteDescription?.sdp ?? '').split(/^(?=m=)/m).slice(1);
      return sections
        .filter((section) => /^a=(sendonly|sendrecv)\r?$/m.test(section))
        .map((section) => {
          const stream = /^a=msid:(\S+)/m.exec(section)?.[1] ?? '-';
          return `${stream} ${section.slice(2, 7)}`;
        })
        .sort();
    });
  }

  said(): Promise<{ errors: string[]; offers: number; closed: number | undefined }> {
    return this.page.evaluate(() => {
      const { errors, offers, closed } = (window as unknown as PionWindow).state;
      return { errors: errors.map(({ code }) => code), offers, closed };
    });
  }

  leave(): Promise<void> {
    return this.page.evaluate(() => (window as unknown as PionWindow).state.leave());
  }

  publish(): Promise<void> {
    return this.page.evaluate(() => (window as unknown as PionWindow).state.publish());
  }
}
