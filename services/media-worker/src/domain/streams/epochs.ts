/** The highest epoch this node ever saw, so that epochs keep growing after NATS was wiped. */
export class Epochs {
  #highest = 0;

  get highest(): number {
    return this.#highest;
  }

  see(epoch: number): void {
    if (Number.isSafeInteger(epoch)) this.#highest = Math.max(this.#highest, epoch);
  }
}
