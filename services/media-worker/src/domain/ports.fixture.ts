import type { RelayState } from '@sluice/proto-gen/common';
import type { FactPublisher, Log } from './ports.js';

const ignore = () => {};

/** Nobody reads it. */
export const SILENT: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Facts of relays go into these; of all else nobody hears. */
export function factsInto(opened: RelayState[], closed: RelayState[]): FactPublisher {
  return {
    sessionOpened: ignore,
    sessionChanged: ignore,
    sessionClosed: ignore,
    streamPublished: ignore,
    streamChanged: ignore,
    streamEnded: ignore,
    speakersChanged: ignore,
    relayOpened: (relay) => opened.push(relay),
    relayClosed: (relay) => closed.push(relay),
  };
}
