const POLL_MS = 50;

/** Tells which m-line of a PeerConnection has had a picture. */
export class Pictures {
  #seen: ReadonlySet<string> = new Set();
  #awaited: ReadonlySet<string> = new Set();
  #timer: ReturnType<typeof setInterval> | undefined;
  #polling = false;

  constructor(
    private readonly connection: RTCPeerConnection,
    private readonly onSeen: () => void,
  ) {
    connection.addEventListener('connectionstatechange', () => {
      if (connection.connectionState === 'closed') this.#stop();
    });
  }

  has(mid: string): boolean {
    return this.#seen.has(mid);
  }

  /** Looks out for a first picture on these m-lines, and forgets all others. */
  lookFor(mids: ReadonlySet<string>): void {
    this.#awaited = mids;
    this.#seen = new Set([...this.#seen].filter((mid) => mids.has(mid)));
    this.#stop();
    if (mids.size > 0) this.#timer = setInterval(() => void this.#poll(), POLL_MS);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #poll(): Promise<void> {
    if (this.#polling) return;
    this.#polling = true;
    const awaited = this.#awaited;
    const report: ReadonlyMap<string, Record<string, unknown>> = await this.connection
      .getStats()
      .finally(() => (this.#polling = false));
    if (awaited !== this.#awaited || this.#timer === undefined) return;
    const shown = [...report.values()]
      .filter((row) => row['type'] === 'inbound-rtp' && Number(row['framesDecoded'] ?? 0) > 0)
      .map((row) => String(row['mid']))
      .filter((mid) => awaited.has(mid));
    if (shown.length === awaited.size) this.#stop();
    if (shown.every((mid) => this.#seen.has(mid))) return;
    this.#seen = new Set(shown);
    this.onSeen();
  }
}
