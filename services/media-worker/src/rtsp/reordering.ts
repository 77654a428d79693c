const RTP_HEADER_BYTES = 12;

/**
 * Notices B-frames: over a transport that keeps the order of packets, the time stamps of pictures that
 * depend on later ones go backwards.
 */
export class Reordering {
  #lastTimestamp: number | undefined;
  #seen = false;

  get seen(): boolean {
    return this.#seen;
  }

  read(packet: Buffer): void {
    if (this.#seen || packet.length < RTP_HEADER_BYTES) return;
    const timestamp = packet.readUInt32BE(4);
    const last = this.#lastTimestamp;
    this.#lastTimestamp = timestamp;
    if (last === undefined) return;
    const step = (timestamp - last) | 0;
    // A camera whose clock is set jumps further than pictures are ever apart.
    this.#seen = step < 0 && step > -90_000;
  }
}
