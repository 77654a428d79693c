/** What a page's meter says of one stream that it receives. */
export interface StreamReading {
  /** The MediaStream's id, which names room, publisher and purpose. */
  readonly stream: string;
  readonly kind: string;
  /**
   * The longest time without a packet of sound, or without a picture that can be shown, since the
   * last {@link PageProbe.begin}.
   */
  readonly longestGapMs: number;
  /** When that one began, since the last {@link PageProbe.begin}. */
  readonly longestGapAtMs: number;
  readonly packets: number;
}

/** Packets of sound that came of a stream, as the browser counts them, from whatever source. */
export interface SoundReading {
  readonly stream: string;
  readonly packets: number;
}

export interface SignalingReading {
  /** From the loss of a socket to the message that took its session up again, each time. */
  readonly outagesMs: readonly number[];
  /** What the server has said, but for what it says all the time. */
  readonly messages: readonly HeardMessage[];
  /** What the page has said. */
  readonly said: readonly HeardMessage[];
}

export interface HeardMessage {
  readonly type: string;
  /** Of an error; otherwise empty. */
  readonly code: string;
  /** Whose stream, and on which connection, as far as it says so. */
  readonly about: string;
  /** Since the last {@link PageProbe.begin}. */
  readonly atMs: number;
}

/** Of all pictures that the page receives. */
export interface PictureReading {
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly frozenMs: number;
}

/** What {@link installPageProbe} leaves in the page as `window.faultProbe`. */
export interface PageProbe {
  /** Begins a new window in which gaps are counted, from the last packet before it. */
  begin(): Promise<void>;
  read(): Promise<readonly StreamReading[]>;
  /**
   * Of all streams. What {@link read} says is of the meter, through which Chromium seldom leads
   * nothing of a stream though it plays it.
   */
  sounds(): Promise<readonly SoundReading[]>;
  signaling(): SignalingReading;
  pictures(): Promise<PictureReading>;
  /** Each source with its m-line and its packets, as the browser counts them, for people. */
  sources(): Promise<readonly string[]>;
  /** UDP ports of the servers that PeerConnections use now. */
  serverPorts(): Promise<readonly number[]>;
}

declare global {
  interface Window {
    faultProbe: PageProbe;
  }
}

/**
 * Runs in a page before any of its own scripts. Every packet of sound and every picture passes
 * through a worker with a clock of its own, so that a page that is busy does not look like media that
 * stopped. Needs a page whose content security policy is bypassed.
 */
export function installPageProbe(): void {
  const meterProgram = () => {
    interface Timing {
      readonly stream: string;
      readonly kind: string;
      lastMs: number;
      longestGapMs: number;
      longestGapFromMs: number;
      packets: number;
    }
    interface TransformEvent extends Event {
      readonly transformer: {
        readonly options: { readonly stream: string; readonly kind: string };
        readonly readable: ReadableStream<Frame>;
        readonly writable: WritableStream<Frame>;
      };
    }
    interface Frame {
      /** Of a picture: whether it needs no other one. */
      readonly type?: string;
      getMetadata(): { readonly synchronizationSource: number };
    }
    const timings = new Map<string, Timing>();
    let windowFromMs = performance.now();
    const see = (timing: Timing, nowMs: number) => {
      if (nowMs - timing.lastMs <= timing.longestGapMs) return;
      timing.longestGapMs = nowMs - timing.lastMs;
      timing.longestGapFromMs = timing.lastMs;
    };
    const note = (stream: string, kind: string) => {
      const nowMs = performance.now();
      const none = { longestGapMs: 0, packets: 0 };
      const first = { stream, kind, lastMs: nowMs, longestGapFromMs: nowMs, ...none };
      const timing = timings.get(`${stream} ${kind}`) ?? first;
      see(timing, nowMs);
      timing.lastMs = nowMs;
      timing.packets += 1;
      timings.set(`${stream} ${kind}`, timing);
    };
    /** Sources that have sent a picture which needs no other one. */
    const begun = new Set<number>();
    const isShown = (frame: Frame) => {
      const { synchronizationSource } = frame.getMetadata();
      if (frame.type === 'key') begun.add(synchronizationSource);
      return begun.has(synchronizationSource);
    };
    addEventListener('rtctransform', (event) => {
      const { options, readable, writable } = (event as TransformEvent).transformer;
      const passOn = new TransformStream<Frame, Frame>({
        transform(frame, controller) {
          const { stream, kind } = options;
          if (kind === 'audio' || isShown(frame)) note(stream, kind);
          controller.enqueue(frame);
        },
      });
      void readable.pipeThrough(passOn).pipeTo(writable);
    });
    addEventListener('message', (event: MessageEvent<string>) => {
      const nowMs = performance.now();
      if (event.data === 'begin') {
        windowFromMs = nowMs;
        for (const timing of timings.values()) {
          Object.assign(timing, { longestGapMs: 0, packets: 0 });
        }
      }
      for (const timing of timings.values()) see(timing, nowMs);
      const readings = [...timings.values()].map((timing) => ({
        stream: timing.stream,
        kind: timing.kind,
        packets: timing.packets,
        longestGapMs: timing.longestGapMs,
        longestGapAtMs: timing.longestGapFromMs - windowFromMs,
      }));
      (postMessage as (message: unknown) => void)(readings);
    });
  };

  const source = new Blob([`(${String(meterProgram)})()`], { type: 'text/javascript' });
  const meter = new Worker(URL.createObjectURL(source));
  let asking = Promise.resolve<readonly StreamReading[]>([]);
  const ask = (what: 'begin' | 'read') => {
    const answer = () =>
      new Promise<readonly StreamReading[]>((resolve) => {
        const settle = ({ data }: MessageEvent<readonly StreamReading[]>) => resolve(data);
        meter.addEventListener('message', settle, { once: true });
        meter.postMessage(what);
      });
    asking = asking.then(answer);
    return asking;
  };

  const connections = new Set<RTCPeerConnection>();
  /** Of each receiver of sound: its stream, and how many packets came of each source. */
  const sounds = new Map<RTCRtpReceiver, { stream: string; sources: Map<string, number> }>();
  const NativeConnection = RTCPeerConnection;
  window.RTCPeerConnection = class extends NativeConnection {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      connections.add(this);
      this.addEventListener('track', ({ receiver, track, streams }) => {
        const options = { stream: streams[0]?.id ?? '', kind: track.kind };
        receiver.transform = new RTCRtpScriptTransform(meter, options);
        if (track.kind === 'audio') {
          sounds.set(receiver, { stream: options.stream, sources: new Map() });
        }
      });
    }

    /** A fake microphone is silent between its beeps: without DTX it sends all the same. */
    override setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
      const sdp = (description.sdp ?? '').replaceAll('usedtx=1', 'usedtx=0');
      return super.setRemoteDescription({ type: description.type, sdp });
    }
  };

  // Small, so that the machine is not busy with pictures when it should take the time.
  const devices = navigator.mediaDevices;
  const getUserMedia = devices.getUserMedia.bind(devices);
  devices.getUserMedia = ({ audio = false, video = false } = {}) =>
    getUserMedia({ audio, video: video && { width: 320, height: 180, frameRate: 15 } });

  const outagesMs: number[] = [];
  interface Noted {
    readonly type: string;
    readonly code: string;
    readonly about: string;
    readonly heardMs: number;
  }
  const messages: Noted[] = [];
  const said: Noted[] = [];
  const steady = ['stats', 'active-speakers', 'done', 'get-stats', 'subscribe-ice-candidate'];
  const note = (list: Noted[], data: unknown) => {
    const message = JSON.parse(String(data)) as Readonly<Record<string, unknown>>;
    const { type = '', code = '', publisherId = '', connection = '' } = message;
    if (steady.includes(String(type))) return;
    const about = [publisherId, connection].map(String).filter(Boolean).join(' on ');
    list.push({ type: String(type), code: String(code), about, heardMs: performance.now() });
  };
  let begunMs = performance.now();
  let lostAtMs: number | undefined;
  const NativeSocket = WebSocket;
  window.WebSocket = class extends NativeSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener('close', () => (lostAtMs ??= performance.now()));
      this.addEventListener('message', ({ data }) => {
        note(messages, data);
        const { type } = JSON.parse(String(data)) as { type: string };
        if (lostAtMs === undefined || (type !== 'resumed' && type !== 'room-joined')) return;
        outagesMs.push(performance.now() - lostAtMs);
        lostAtMs = undefined;
      });
    }

    override send(data: string | BufferSource | Blob): void {
      note(said, data);
      super.send(data);
    }
  };

  const open = () => [...connections].filter((one) => one.connectionState === 'connected');
  const sourcesOf = async (connection: RTCPeerConnection) => {
    const report: ReadonlyMap<string, Record<string, unknown>> = await connection.getStats();
    return [...report.values()].filter((row) => row['type'] === 'inbound-rtp');
  };
  const allSources = async () => (await Promise.all(open().map(sourcesOf))).flat();
  const soundsOf = async ([receiver, { stream, sources }]: readonly [
    RTCRtpReceiver,
    { stream: string; sources: Map<string, number> },
  ]) => {
    const report: ReadonlyMap<string, Record<string, unknown>> = await receiver.getStats();
    for (const [id, row] of report) {
      if (row['type'] === 'inbound-rtp') sources.set(id, Number(row['packetsReceived']));
    }
    return { stream, packets: [...sources.values()].reduce((sum, packets) => sum + packets, 0) };
  };
  const serverPortsOf = async (connection: RTCPeerConnection) => {
    const report: ReadonlyMap<string, Record<string, unknown>> = await connection.getStats();
    return [...report.values()]
      .filter((row) => row['type'] === 'candidate-pair' && row['state'] === 'succeeded')
      .map((row) => Number(report.get(String(row['remoteCandidateId']))?.['port']));
  };

  const sinceBegin = ({ heardMs, ...rest }: Noted) => ({ ...rest, atMs: heardMs - begunMs });

  window.faultProbe = {
    begin: async () => {
      await ask('begin');
      begunMs = performance.now();
    },
    read: () => ask('read'),
    sounds: () => Promise.all([...sounds].map(soundsOf)),
    signaling: () => ({
      outagesMs,
      messages: messages.map(sinceBegin),
      said: said.map(sinceBegin),
    }),
    pictures: async () => {
      const rows = (await allSources()).filter((row) => row['kind'] === 'video');
      const sum = (name: string) => rows.reduce((total, row) => total + Number(row[name] ?? 0), 0);
      return {
        packetsReceived: sum('packetsReceived'),
        packetsLost: sum('packetsLost'),
        frozenMs: sum('totalFreezesDuration') * 1_000,
      };
    },
    sources: async () =>
      (await allSources()).map((row) =>
        ['kind', 'mid', 'trackIdentifier', 'packetsReceived'].map((name) => row[name]).join(' '),
      ),
    serverPorts: async () => (await Promise.all(open().map(serverPortsOf))).flat(),
  };
}
