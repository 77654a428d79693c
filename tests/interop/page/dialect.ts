export type Frame = Readonly<Record<string, unknown>>;

/** Makes an answer of an offer of the server. */
export type OnOffer = (offer: {
  readonly publisherId: string;
  readonly purpose: string;
  readonly sdp: string;
}) => Promise<string>;

/** A connection to a gateway in the main dialect, as it is described. */
export class Dialect {
  #socket: WebSocket | undefined;
  #room = '';
  readonly #replies = new Map<number, (reply: Frame) => void>();
  #lastId = 0;

  constructor(private readonly onOffer: OnOffer) {}

  async connect(url: string, token: string): Promise<void> {
    const socket = new WebSocket(url);
    this.#socket = socket;
    await new Promise((resolve) => (socket.onopen = resolve));
    const authenticated = new Promise<void>((resolve) => {
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(String(data)) as Frame;
        if (frame['type'] === 'authenticated') resolve();
        if (frame['type'] === 'subscribe-offer') void this.#answer(frame);
        this.#replies.get(Number(frame['id']))?.(frame);
      };
    });
    socket.send(JSON.stringify({ type: 'auth', token }));
    await authenticated;
  }

  /** @returns the home node's id. */
  async join(room: string): Promise<string> {
    this.#room = room;
    return String((await this.request({ type: 'join-room' }))['node']);
  }

  async subscribe(publisher: string): Promise<void> {
    await this.request({ type: 'subscribe-request', publisherId: publisher });
  }

  /** @returns the answer to an offer. */
  async publish(offer: string): Promise<string> {
    return String((await this.request({ type: 'publish-offer', offer }))['answer']);
  }

  async request(message: Frame): Promise<Frame> {
    this.#lastId += 1;
    const id = this.#lastId;
    const replied = new Promise<Frame>((resolve) => this.#replies.set(id, resolve));
    this.#socket?.send(JSON.stringify({ roomName: this.#room, ...message, id }));
    const reply = await replied;
    if (reply['type'] === 'error') throw new Error(String(reply['message']));
    return reply;
  }

  close(): void {
    this.#socket?.close();
  }

  async #answer({ publisherId, purpose, offer }: Frame): Promise<void> {
    const stream = { publisherId: String(publisherId), purpose: String(purpose) };
    const answer = await this.onOffer({ ...stream, sdp: String(offer) });
    await this.request({ type: 'subscribe-answer', ...stream, answer });
  }
}

export function withoutUdp(sdp: string): string {
  return sdp.replace(/^a=candidate:\S+ \d+ udp .*\r\n/gim, '');
}
