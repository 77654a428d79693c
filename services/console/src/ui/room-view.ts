import { signal } from '@preact/signals';
import type { StreamKey } from '../client/index.js';

/** What of the room's page is open: nothing that the call itself knows. */
export class RoomView {
  readonly drawerOpen = signal(false);
  /** The stream in the drawer; all of them where it is undefined. */
  readonly inspected = signal<StreamKey | undefined>(undefined);
  readonly soundBlocked = signal(false);
  #opener: HTMLElement | undefined;

  inspect(key: StreamKey | undefined): void {
    this.inspected.value = key;
    if (key === undefined) this.close();
    else this.#open();
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
    this.inspected.value = undefined;
    this.#opener?.focus();
    this.#opener = undefined;
  }

  #open(): void {
    if (!this.drawerOpen.peek() && document.activeElement instanceof HTMLElement) {
      this.#opener = document.activeElement;
    }
    this.drawerOpen.value = true;
  }
}
