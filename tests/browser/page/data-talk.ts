/** A message that a test has a client say: some text, or so many bytes. */
export type DataSaid = { readonly text: string } | { readonly bytes: number };

/** What is said and heard on the data channels of one client. */
export class DataTalk {
  /** `text:hello` or `binary:3`, in the order in which it came. */
  readonly heard: string[] = [];
  readonly #channels: RTCDataChannel[] = [];
  readonly #closed = new Set<RTCDataChannel>();

  /** Of a channel that this client opened, or that was opened for it. */
  add(channel: RTCDataChannel): void {
    this.#channels.push(channel);
    channel.binaryType = 'arraybuffer';
    channel.onclose = () => this.#closed.add(channel);
    channel.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      // Some implementations give a Buffer.
      this.heard.push(typeof data === 'string' ? `text:${data}` : `binary:${data.byteLength}`);
    };
  }

  /** `label/protocol`, of those that are open. */
  get open(): string[] {
    return this.#channels
      .filter((channel) => channel.readyState === 'open' && !this.#closed.has(channel))
      .map(({ label, protocol }) => `${label}/${protocol}`);
  }

  say(messages: readonly DataSaid[]): void {
    for (const message of messages) {
      for (const channel of this.#channels) {
        if (channel.readyState !== 'open') continue;
        if ('text' in message) channel.send(message.text);
        else channel.send(new Uint8Array(message.bytes));
      }
    }
  }

  hush(): void {
    for (const channel of this.#channels) channel.close();
  }
}
