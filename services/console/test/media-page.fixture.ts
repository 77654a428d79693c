/** Somebody whom the page under test sees and hears. */
export interface Bot {
  readonly id: string | number;
  readonly name: string;
  /** `none` for somebody who only watches. */
  readonly purpose: string;
  /** Node ids from its node to the page's. */
  readonly path: readonly string[];
  readonly hue: number;
  readonly audio: boolean;
}

export interface MediaPage {
  /** Takes an offer of the page under test; resolves with the answer. */
  answer(key: string, sdp: string): Promise<string>;
  /** Sends a bot's stream on the connection `key`; resolves with the offer, in turn. */
  offer(key: string, streamId: string, bot: Bot): Promise<string>;
  /** The answer to the latest offer. */
  accept(sdp: string): Promise<void>;
  closeAllBut(prefix: string): void;
}

/**
 * Runs in a page of its own: the PeerConnections of a media node, with drawn pictures and tones in
 * place of other participants. It is sent there as text, so it refers to nothing outside of itself.
 */
export function installMediaPage(): void {
  interface Connection {
    readonly peer: RTCPeerConnection;
    /** Stream ids as the browser made them, and as the cluster would name them. */
    readonly names: Map<string, string>;
  }
  const connections = new Map<string, Connection>();
  let lastOffer: Promise<unknown> = Promise.resolve();
  let acceptLast: (sdp: string) => Promise<void> = () => Promise.resolve();

  const connectionOf = (key: string): Connection => {
    const known = connections.get(key);
    if (known) return known;
    const made = { peer: new RTCPeerConnection(), names: new Map<string, string>() };
    connections.set(key, made);
    return made;
  };
  const gathered = async (peer: RTCPeerConnection): Promise<string> => {
    while (peer.iceGatheringState !== 'complete') {
      await new Promise((resolve) => {
        peer.addEventListener('icegatheringstatechange', resolve, { once: true });
      });
    }
    return peer.localDescription?.sdp ?? '';
  };

  const drawFace = (pen: CanvasRenderingContext2D, hue: number, frame: number) => {
    const { width, height } = pen.canvas;
    const wall = pen.createLinearGradient(0, 0, width, height);
    wall.addColorStop(0, `hsl(${String(hue)} 26% 62%)`);
    wall.addColorStop(1, `hsl(${String(hue + 40)} 30% 38%)`);
    const ellipse = (colour: string | CanvasGradient, y: number, rx: number, ry: number) => {
      pen.fillStyle = colour;
      pen.beginPath();
      pen.ellipse(width / 2 + Math.sin(frame / 14) * 14, y * height, rx, ry, 0, 0, 7);
      pen.fill();
    };
    pen.fillStyle = wall;
    pen.fillRect(0, 0, width, height);
    ellipse(`hsl(${String(hue + 180)} 30% 30%)`, 1.08, 170, 150);
    ellipse(`hsl(${String(hue)} 25% 20%)`, 0.36, 74, 76);
    ellipse('hsl(26 45% 68%)', 0.48, 66, 80);
  };
  const drawScreen = (pen: CanvasRenderingContext2D, hue: number, frame: number) => {
    const { width, height } = pen.canvas;
    const block = (colour: string, box: readonly [number, number, number, number]) => {
      pen.fillStyle = colour;
      pen.fillRect(...box);
    };
    block('#fbfcfd', [0, 0, width, height]);
    block('#22343a', [0, 0, width, 56]);
    pen.fillStyle = '#fff';
    pen.font = '600 24px sans-serif';
    pen.fillText('Quarterly review', 28, 37);
    for (let row = 0; row < 9; row += 1) {
      block(row % 2 ? '#eef3f4' : '#e3eced', [40, 96 + row * 42, 560, 28]);
      const tall = 60 + ((row * 53 + frame) % 240);
      block(`hsl(${String(hue + row * 8)} 45% 46%)`, [680 + row * 60, 640 - tall, 38, tall]);
    }
    block('#51666b', [660, 642, 560, 2]);
  };
  const picture = ({ purpose, hue }: Bot): MediaStreamTrack => {
    const screen = purpose === 'm.screenshare';
    const [width, height] = screen ? [1280, 800] : [640, 360];
    // `document` is that of an image here, whose elements have no canvas among them.
    const xhtml = 'http://www.w3.org/1999/xhtml';
    const canvas = document.createElementNS(xhtml, 'canvas') as HTMLCanvasElement;
    Object.assign(canvas, { width, height });
    const pen = canvas.getContext('2d')!;
    let frame = 0;
    setInterval(() => (screen ? drawScreen : drawFace)(pen, hue, frame++), 66);
    return canvas.captureStream(15).getVideoTracks()[0]!;
  };
  const tone = ({ hue }: Bot): MediaStreamTrack => {
    const audio = new AudioContext();
    const source = new OscillatorNode(audio, { frequency: 200 + hue });
    const sink = new MediaStreamAudioDestinationNode(audio);
    source.connect(new GainNode(audio, { gain: 0.3 })).connect(sink);
    source.start();
    return sink.stream.getAudioTracks()[0]!;
  };

  const media: MediaPage = {
    answer: async (key, sdp) => {
      const { peer } = connectionOf(key);
      await peer.setRemoteDescription({ type: 'offer', sdp });
      await peer.setLocalDescription();
      return gathered(peer);
    },
    offer: (key, streamId, bot) => {
      const turn = lastOffer.then(async () => {
        const { peer, names } = connectionOf(key);
        for (const track of bot.audio ? [picture(bot), tone(bot)] : [picture(bot)]) {
          const stream = new MediaStream();
          names.set(stream.id, streamId);
          peer.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
        }
        await peer.setLocalDescription();
        const sdp = await gathered(peer);
        const answered = new Promise<void>((resolve) => {
          acceptLast = async (answer) => {
            await peer.setRemoteDescription({ type: 'answer', sdp: answer });
            resolve();
          };
        });
        const named = [...names].reduce(
          (text, [id, name]) => text.replaceAll(`msid:${id}`, `msid:${name}`),
          sdp,
        );
        return { named, answered };
      });
      lastOffer = turn.then(({ answered }) => answered);
      return turn.then(({ named }) => named);
    },
    accept: (sdp) => acceptLast(sdp),
    closeAllBut: (prefix) => {
      for (const [key, { peer }] of connections) if (!key.startsWith(prefix)) peer.close();
    },
  };
  Object.assign(window, { media });
}
