import { signal } from '@preact/signals';
import type { StreamKey } from '../client/index.js';

/** What of the room's page is open: nothing that the call itself knows. */
export class RoomView {
  readonly drawerOpen = signal(false);
  /** In the same place; one of the two at a time. */
  readonly chatOpen = signal(false);
  /** The stream in the drawer; all of them where it is undefined. */
  readonly inspected = signal<StreamKey | undefined>(undefined);
  readonly soundBlocked = signal(false);
  #opener: HTMLElement | undefined;

  inspect(key: StreamKey | undefined): void {
    this.inspected.value = key;
    if (key === undefined) this.close();
    else this.#open();
  }

  toggleChat(): void {
    if (this.chatOpen.peek()) {
      this.close();
      return;
    }
    this.#remember();
    this.drawerOpen.value = false;
    this.inspected.value = undefined;
    this.chatOpen.value = true;
  }

  toggleStreams(): void {
    if (this.drawerOpen.peek() && this.inspected.peek() === undefined) {
      this.close();
    } else {
      this.inspected.value = undefined;
      this.#open();
    }
  }

  /** The focus returns to where it was. */
  close(): void {
    this.drawerOpen.value = false;
    this.chatOpen.value = false;
    this.inspected.value = undefined;
    this.#opener?.focus();
    this.#opener = undefined;
  }

  #open(): void {
    this.#remember();
    this.chatOpen.value = false;
    this.drawerOpen.value = true;
  }

  #remember(): void {
    if (this.drawerOpen.peek() || this.chatOpen.peek()) return;
    if (document.activeElement instanceof HTMLElement) this.#opener = document.activeElement;
  }
}
