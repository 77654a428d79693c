import type { WireParticipant, WireUser } from './wire.js';

export interface Participant {
  readonly id: string;
  readonly name: string;
}

/** Who else is in the room, in the order in which they came. */
export class Participants {
  readonly #byId = new Map<string, Participant>();

  get all(): readonly Participant[] {
    return [...this.#byId.values()];
  }

  reset(users: readonly WireUser[]): void {
    this.#byId.clear();
    for (const user of users) this.add(user);
  }

  add({ userId, username }: WireUser): void {
    const id = String(userId);
    this.#byId.set(id, { id, name: username });
  }

  remove(userId: WireParticipant): void {
    this.#byId.delete(String(userId));
  }
}
