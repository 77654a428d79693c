import { signal } from '@preact/signals';

export interface Notice {
  readonly id: number;
  readonly text: string;
}

const SHOWN_MS = 8_000;
const SHOWN_AT_ONCE = 3;

/** Short messages that go away by themselves. */
export class Notices {
  readonly shown = signal<readonly Notice[]>([]);
  #nextId = 1;

  add(text: string): void {
    const others = this.shown.peek().filter((notice) => notice.text !== text);
    const notice = { id: this.#nextId++, text };
    this.shown.value = [...others, notice].slice(-SHOWN_AT_ONCE);
    setTimeout(() => this.dismiss(notice.id), SHOWN_MS);
  }

  dismiss(id: number): void {
    this.shown.value = this.shown.peek().filter((notice) => notice.id !== id);
  }
}
