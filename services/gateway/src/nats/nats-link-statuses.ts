import type { Clock } from '@sluice/core';
import { SUBJECTS, type Bus, type Listening } from '@sluice/nats-kit';
import { UmbrellaStatusPart } from '@sluice/proto-gen/umbrella';
import type { LinkStatus, LinkStatuses } from '../domain/umbrella/link-statuses.js';
import type { UmbrellaLinks } from '../domain/umbrella/links.js';
import { fromLinkStatus, toLinkStatus } from '../proto/umbrella-status.js';

/** Nobody knows how many gateways there are: who has not answered by then is not there. */
const ANSWER_MS = 300;
/** Of all gateways together; what is beyond is not shown. */
const LINKS_MAX = 10_000;

export interface NatsLinkStatusesOptions {
  readonly bus: Bus;
  readonly links: UmbrellaLinks;
  readonly gatewayId: string;
  readonly clock: Clock;
}

/** Asks all gateways of their links, and tells others of this one's. */
export class NatsLinkStatuses implements LinkStatuses {
  readonly #listening: readonly Listening[];
  #gathering: Promise<readonly LinkStatus[]> | undefined;
  #heard: LinkStatus[] = [];

  constructor(private readonly options: NatsLinkStatusesOptions) {
    const { bus, gatewayId } = options;
    this.#listening = [
      bus.listen(SUBJECTS.umbrellaStatusAsked, (payload) => this.#answer(payload)),
      bus.listen(SUBJECTS.umbrellaStatusTold(gatewayId), (payload) => this.#hear(payload)),
    ];
  }

  /** Who asks while another one waits gets the same answer. */
  gather(): Promise<readonly LinkStatus[]> {
    this.#gathering ??= this.#gather();
    return this.#gathering;
  }

  close(): void {
    for (const listening of this.#listening) listening.stop();
  }

  async #gather(): Promise<readonly LinkStatus[]> {
    const { bus, gatewayId, clock } = this.options;
    this.#heard = [];
    const asked = UmbrellaStatusPart.encode({ gatewayId, link: undefined }).finish();
    if (bus.publish(SUBJECTS.umbrellaStatusAsked, asked)) {
      await new Promise<void>((resolve) => void clock.after(ANSWER_MS, resolve));
    }
    this.#gathering = undefined;
    return [...this.#own, ...this.#heard];
  }

  get #own(): readonly LinkStatus[] {
    const { links, gatewayId } = this.options;
    return links.list.map(({ peer, incomingTracks, outgoingTracks }) => ({
      gatewayId,
      label: peer.label,
      trunkUrl: peer.trunkUrl,
      incomingTracks,
      outgoingTracks,
    }));
  }

  #answer(payload: Uint8Array): void {
    const { bus, gatewayId } = this.options;
    const asker = UmbrellaStatusPart.decode(payload).gatewayId;
    if (asker === gatewayId || !GATEWAY_ID.test(asker)) return;
    for (const status of this.#own) {
      const part = { gatewayId, link: fromLinkStatus(status) };
      bus.publish(SUBJECTS.umbrellaStatusTold(asker), UmbrellaStatusPart.encode(part).finish());
    }
  }

  #hear(payload: Uint8Array): void {
    const { link } = UmbrellaStatusPart.decode(payload);
    if (link && this.#gathering && this.#heard.length < LINKS_MAX) {
      this.#heard.push(toLinkStatus(link));
    }
  }
}

const GATEWAY_ID = /^[A-Za-z0-9_-]{1,64}$/;
