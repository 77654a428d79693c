import { delayMs } from './backoff.js';
import { CONNECTION_LOST, codeOf, isTransient } from './errors.js';
import type { Link } from './link.js';
import type { PublishingPort } from './publication.js';
import { streamIdOf } from './stream-owner.js';
import type { SubscribingPort } from './subscriber.js';
import type { ClientMessage, PublisherName } from './wire.js';

const SUBSCRIBE_ATTEMPTS = 5;
const SUBSCRIBE_BACKOFF = { firstMs: 200, longestMs: 3_000 };

/** How a publication speaks to the server in one room. */
export function publishingPort(link: Link, roomName: string): PublishingPort {
  return {
    get configuration() {
      return { iceServers: link.iceServers };
    },
    offer: async (purpose, offer, scalabilityModes) => {
      const message = {
        type: 'publish-offer',
        roomName,
        purpose,
        offer,
        scalabilityModes,
      } as const;
      return (await link.request(message, ['publish-answer'])).answer;
    },
    unpublish: (purpose) => tell(link, { type: 'unpublish', roomName, purpose }),
  };
}

/** How a subscriber speaks to the server in one room. */
export function subscribingPort(link: Link, roomName: string): SubscribingPort {
  return {
    get configuration() {
      return { iceServers: link.iceServers };
    },
    streamIdOf: (name) => streamIdOf(roomName, name),
    subscribe: (name, connection) => subscribe(link, roomName, { ...name, connection }),
    answer: async (name, answer) => {
      await link.request({ type: 'subscribe-answer', roomName, ...name, answer }, ['done']);
    },
    unsubscribe: (name) => tell(link, { type: 'unsubscribe', roomName, ...name }),
    setLayers: (name, layers) => tell(link, { type: 'set-layers', roomName, ...name, ...layers }),
    restartIce: (name) => link.send({ type: 'restart-ice', roomName, ...name }),
  };
}

/** Says something whose failure changes nothing: what it was about is gone then. */
function tell(link: Link, message: ClientMessage): void {
  void link.request(message, ['done']).catch(() => undefined);
}

async function subscribe(
  link: Link,
  roomName: string,
  wanted: PublisherName & { readonly connection: string },
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      // `done` where the offer follows later: another one is being answered on that connection.
      const message = {
        type: 'subscribe-request',
        roomName,
        ...wanted,
        overlap: true,
      } as const;
      await link.request(message, ['subscribe-offer', 'done']);
      return;
    } catch (error) {
      const lost = codeOf(error) === CONNECTION_LOST;
      if (lost || attempt >= SUBSCRIBE_ATTEMPTS || !isTransient(error)) throw error;
      const waitMs = delayMs(attempt, SUBSCRIBE_BACKOFF, Math.random);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}
