import type { Page } from 'playwright-core';

/**
 * A peer as the wire of Umbrella has it, on as many links as it is given: a browser with one, a server
 * that dials others with several, which it then relays between. It knows nothing that is not written
 * there: it announces all, waits until all of it is accepted and then offers, and never says what is gone.
 */
const UMBRELLA_PEER = `
  const varint = (value) => {
    const bytes = [];
    for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
    return [...bytes, value];
  };
  const block = (field, bytes) => [...varint(field * 8 + 2), ...varint(bytes.length), ...bytes];
  const text = (field, value) => block(field, [...new TextEncoder().encode(value)]);
  const number = (field, value) => [...varint(field * 8), ...varint(Number(value))];
  const track = ({ id, kind, streamId, umbrellaId }) =>
    [...text(1, id), ...number(2, kind), ...text(3, streamId), ...text(4, umbrellaId)];
  const list = (items, write) => items.flatMap((item) => block(1, write(item)));
  const read = (bytes) => {
    const fields = {};
    let at = 0;
    const next = () => {
      let value = 0;
      for (let scale = 1; ; scale *= 128) {
        const byte = bytes[at++];
        value += (byte & 127) * scale;
        if (byte < 128) return value;
      }
    };
    while (at < bytes.length) {
      const key = next();
      let value = next();
      if (key % 8 === 2) { value = bytes.subarray(at, at + value); at += value.length; }
      (fields[key >> 3] ??= []).push(value);
    }
    return fields;
  };
  const str = (bytes) => new TextDecoder().decode(bytes ?? new Uint8Array());
  const readTrack = (bytes) => {
    const fields = read(bytes);
    return {
      id: str(fields[1]?.[0]), kind: fields[2]?.[0] ?? 0,
      streamId: str(fields[3]?.[0]), umbrellaId: str(fields[4]?.[0]),
    };
  };
  const KINDS = { audio: 1, video: 2 };

  window.umbrellaPeer = () => {
    const peer = { tracks: new Map(), links: [], announced: 0, problems: [] };
    const dial = (address) => {
      const link = {
        address, incoming: new RTCPeerConnection(), outgoing: new RTCPeerConnection(),
        upstream: new Map(), mids: new Map(), staged: [], told: new Set(), accepted: new Set(),
        senders: new Map(), closed: undefined, received: new Map(),
      };
      link.outgoing.createDataChannel('data-out', { ordered: false });
      link.incoming.createDataChannel('data-in', { ordered: false });
      const socket = new WebSocket(address);
      socket.binaryType = 'arraybuffer';
      link.socket = socket;
      const send = (bytes) => { if (socket.readyState === 1) socket.send(new Uint8Array(bytes)); };
      const trickle = (incoming) => ({ candidate }) => {
        if (candidate) send(block(1, [...text(1, JSON.stringify(candidate)), ...number(2, incoming)]));
      };
      link.incoming.onicecandidate = trickle(true);
      link.outgoing.onicecandidate = trickle(false);
      let turn = Promise.resolve();
      const inTurn = (task) => { turn = turn.then(task).catch((error) => peer.problems.push(String(error))); };
      const mine = () => [...peer.tracks.values()]
        .filter(({ from, umbrellaId }) => from !== link && !link.upstream.has(umbrellaId));
      link.review = (again) => inTurn(async () => {
        if (socket.readyState !== 1) return;
        const tracks = mine();
        if (tracks.some(({ umbrellaId }) => !link.told.has(umbrellaId))) {
          for (const { umbrellaId } of tracks) link.told.add(umbrellaId);
          peer.announced += 1;
          send(block(4, list(tracks, track)));
          return;
        }
        if (tracks.some(({ umbrellaId }) => !link.accepted.has(umbrellaId))) return;
        if (link.outgoing.signalingState !== 'stable') return;
        let changed = again || link.outgoing.localDescription === null;
        for (const [umbrellaId, sender] of link.senders) {
          if (tracks.some((one) => one.umbrellaId === umbrellaId)) continue;
          link.outgoing.removeTrack(sender);
          link.senders.delete(umbrellaId);
          changed = true;
        }
        for (const one of tracks) {
          if (link.senders.has(one.umbrellaId)) continue;
          link.senders.set(one.umbrellaId, link.outgoing.addTrack(one.media, one.stream));
          changed = true;
        }
        if (!changed) return;
        await link.outgoing.setLocalDescription(await link.outgoing.createOffer());
        send(block(2, text(1, JSON.stringify(link.outgoing.localDescription))));
      });
      const collect = () => {
        link.staged = link.staged.filter(({ media, stream, transceiver }) => {
          const umbrellaId = link.mids.get(transceiver.mid);
          if (umbrellaId === undefined) return true;
          link.received.set(umbrellaId, transceiver.mid);
          const known = peer.tracks.get(umbrellaId);
          if (known && known.from !== link) return false;
          const entry = {
            id: media.id, kind: KINDS[media.kind], streamId: stream.id, umbrellaId, media, stream, from: link,
          };
          peer.tracks.set(umbrellaId, entry);
          stream.onremovetrack = (event) => {
            if (event.track !== media || peer.tracks.get(umbrellaId)?.media !== media) return;
            peer.tracks.delete(umbrellaId);
            link.received.delete(umbrellaId);
            peer.review();
          };
          peer.review();
          return false;
        });
      };
      link.incoming.ontrack = ({ track: media, streams, transceiver }) => {
        link.staged.push({ media, stream: streams[0], transceiver });
        if (media.kind === 'video') {
          const video = document.createElement('video');
          video.srcObject = streams[0];
          video.autoplay = true;
          video.muted = true;
          document.body.appendChild(video);
        }
        collect();
      };
      socket.onopen = () => link.review();
      socket.onclose = ({ code, reason }) => { link.closed = [code, reason].join(' '); };
      socket.onmessage = ({ data }) => inTurn(async () => {
        const message = read(new Uint8Array(data));
        const one = (field) => (message[field] ? read(message[field][0]) : undefined);
        if (one(102)) peer.problems.push(str(one(102)[2]?.[0]));
        if (one(3)) {
          await link.outgoing.setRemoteDescription(JSON.parse(str(one(3)[1][0])));
          const mapping = link.outgoing.getTransceivers().flatMap(({ mid, sender }) => {
            const [umbrellaId] = [...link.senders].find(([, own]) => own === sender) ?? [];
            return umbrellaId === undefined ? [] : [{ mid, umbrellaId }];
          });
          send(block(6, list(mapping, (row) => [...text(1, row.umbrellaId), ...text(2, row.mid)])));
          link.review();
        }
        if (one(2)) {
          await link.incoming.setRemoteDescription(JSON.parse(str(one(2)[1][0])));
          await link.incoming.setLocalDescription(await link.incoming.createAnswer());
          send(block(3, text(1, JSON.stringify(link.incoming.localDescription))));
          collect();
        }
        if (one(5)) {
          for (const row of one(5)[1] ?? []) link.accepted.add(readTrack(row).umbrellaId);
          link.review(true);
        }
        if (one(4)) {
          for (const row of one(4)[1] ?? []) {
            const announced = readTrack(row);
            link.upstream.set(announced.umbrellaId, announced);
          }
          send(block(5, list([...link.upstream.values()], track)));
        }
        if (one(6)) {
          for (const row of one(6)[1] ?? []) {
            const mapping = read(row);
            link.mids.set(str(mapping[2]?.[0]), str(mapping[1]?.[0]));
          }
          collect();
        }
      });
      peer.links.push(link);
      return link;
    };
    peer.review = () => { for (const link of peer.links) link.review(); };
    peer.dial = (address) => { dial(address); };
    peer.publish = async () => {
      const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
      for (const media of stream.getTracks()) {
        const umbrellaId = 'UMB_TRACK_' + crypto.randomUUID();
        peer.tracks.set(umbrellaId, {
          id: media.id, kind: KINDS[media.kind], streamId: stream.id, umbrellaId, media, stream, from: undefined,
        });
      }
      peer.review();
      return [...peer.tracks.values()].map(({ umbrellaId, kind }) => ({ umbrellaId, kind }));
    };
    return peer;
  };
`;

export interface PublishedTrack {
  readonly umbrellaId: string;
  /** 1 audio, 2 video. */
  readonly kind: number;
}

interface Link {
  readonly incoming: RTCPeerConnection;
  readonly outgoing: RTCPeerConnection;
  readonly upstream: ReadonlyMap<string, unknown>;
  /** Mids by umbrella id. */
  readonly received: ReadonlyMap<string, string>;
  readonly socket: WebSocket;
  readonly closed: string | undefined;
}

interface PeerState {
  readonly links: readonly Link[];
  readonly problems: readonly string[];
  readonly announced: number;
  dial(address: string): void;
  publish(): Promise<PublishedTrack[]>;
}

type PeerWindow = Window & { umbrellaPeer(): PeerState; peer: PeerState };

/** Such a peer in a page. */
export class UmbrellaPeer {
  private constructor(readonly page: Page) {}

  static async open(page: Page, addresses: readonly string[]): Promise<UmbrellaPeer> {
    await page.addScriptTag({ content: UMBRELLA_PEER });
    await page.evaluate((given) => {
      const here = window as unknown as PeerWindow;
      here.peer = here.umbrellaPeer();
      for (const address of given) here.peer.dial(address);
    }, addresses);
    return new UmbrellaPeer(page);
  }

  publish(): Promise<PublishedTrack[]> {
    return this.page.evaluate(() => (window as unknown as PeerWindow).peer.publish());
  }

  dial(address: string): Promise<void> {
    return this.page.evaluate(
      (given) => (window as unknown as PeerWindow).peer.dial(given),
      address,
    );
  }

  /** Ends a link as a process that dies does. */
  hangUp(link: number): Promise<void> {
    return this.page.evaluate((index) => {
      const { socket, incoming, outgoing } = (window as unknown as PeerWindow).peer.links[index]!;
      socket.close();
      incoming.close();
      outgoing.close();
    }, link);
  }

  /** Decoded frames on a link, by umbrella id. */
  frames(link = 0): Promise<Record<string, number>> {
    return this.page.evaluate(async (index) => {
      const { incoming, received } = (window as unknown as PeerWindow).peer.links[index]!;
      const frames: Record<string, number> = {};
      const report = await incoming.getStats();
      for (const entry of report.values() as Iterable<Record<string, unknown>>) {
        if (entry['type'] !== 'inbound-rtp' || entry['kind'] !== 'video') continue;
        const [umbrellaId] = [...received].find(([, mid]) => mid === entry['mid']) ?? [];
        if (umbrellaId !== undefined) frames[umbrellaId] = Number(entry['framesDecoded'] ?? 0);
      }
      return frames;
    }, link);
  }

  /** Everything that there is to say of it when a test waits in vain. */
  state() {
    return this.page.evaluate(() => {
      const { links, problems, announced } = (window as unknown as PeerWindow).peer;
      return {
        problems: [...problems],
        announced,
        links: links.map(({ incoming, outgoing, upstream, received, closed }) => ({
          incoming: `${incoming.signalingState} ${incoming.connectionState}`,
          outgoing: `${outgoing.signalingState} ${outgoing.connectionState}`,
          upstream: [...upstream.keys()],
          received: [...received.keys()],
          closed,
        })),
      };
    });
  }
}
