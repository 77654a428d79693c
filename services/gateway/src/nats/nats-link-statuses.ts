import type { Clock } from '@sluice/core';
import { SUBJECTS, type Bus, type Listening } from '@sluice/nats-kit';
import { UmbrellaStatusPart } from '@sluice/proto-gen/umbrella';
import type { Gathered, LinkStatus, LinkStatuses } from '../domain/umbrella/link-statuses.js';
import type { UmbrellaLinks } from '../domain/umbrella/links.js';
import type { TrunkStatus } from '../domain/umbrella/trunks.js';
import {
  fromLinkStatus,
  fromTrunkStatus,
  toLinkStatus,
  toTrunkStatus,
} from '../proto/umbrella-status.js';

/** Nobody knows how many gateways there are: who has not answered by then is not there. */
const ANSWER_MS = 300;
/** Of all gateways together; what is beyond is not shown. */
const LINKS_MAX = 10_000;
const TRUNKS_MAX = 1_000;

export interface NatsLinkStatusesOptions {
  readonly bus: Bus;
  readonly links: UmbrellaLinks;
  /** Of this gateway, as they are when it is asked for. */
  readonly trunks: () => readonly TrunkStatus[];
  readonly gatewayId: string;
  readonly clock: Clock;
}

/** Asks all gateways of their links and trunks, and tells others of this one's. */
export class NatsLinkStatuses implements LinkStatuses {
  readonly #listening: readonly Listening[];
  #gathering: Promise<Gathered> | undefined;
  #heard: { readonly links: LinkStatus[]; readonly trunks: TrunkStatus[] } = nothing();

  constructor(private readonly options: NatsLinkStatusesOptions) {
    const { bus, gatewayId } = options;
    this.#listening = [
      bus.listen(SUBJECTS.umbrellaStatusAsked, (payload) => this.#answer(payload)),
      bus.listen(SUBJECTS.umbrellaStatusTold(gatewayId), (payload) => this.#hear(payload)),
    ];
  }

  /** Who asks while another one waits gets the same answer. */
  gather(): Promise<Gathered> {
    this.#gathering ??= this.#gather();
    return this.#gathering;
  }

  close(): void {
    for (const listening of this.#listening) listening.stop();
  }

  async #gather(): Promise<Gathered> {
    const { bus, gatewayId, clock } = this.options;
    this.#heard = nothing();
    const asked = UmbrellaStatusPart.encode(part({ gatewayId })).finish();
    if (bus.publish(SUBJECTS.umbrellaStatusAsked, asked)) {
      await new Promise<void>((resolve) => void clock.after(ANSWER_MS, resolve));
    }
    this.#gathering = undefined;
    const { links, trunks } = this.#heard;
    return {
      links: [...this.#ownLinks, ...links],
      trunks: [...this.options.trunks(), ...trunks],
    };
  }

  get #ownLinks(): readonly LinkStatus[] {
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
    const { bus, gatewayId, trunks } = this.options;
    const asker = UmbrellaStatusPart.decode(payload).gatewayId;
    if (asker === gatewayId || !GATEWAY_ID.test(asker)) return;
    const parts = [
      ...this.#ownLinks.map((link) => part({ gatewayId, link: fromLinkStatus(link) })),
      ...trunks().map((trunk) => part({ gatewayId, trunk: fromTrunkStatus(trunk) })),
    ];
    for (const one of parts) {
      bus.publish(SUBJECTS.umbrellaStatusTold(asker), UmbrellaStatusPart.encode(one).finish());
    }
  }

  #hear(payload: Uint8Array): void {
    const { link, trunk } = UmbrellaStatusPart.decode(payload);
    const { links, trunks } = this.#heard;
    if (!this.#gathering) return;
    if (link && links.length < LINKS_MAX) links.push(toLinkStatus(link));
    if (trunk && trunks.length < TRUNKS_MAX) trunks.push(toTrunkStatus(trunk));
  }
}

function nothing(): { links: LinkStatus[]; trunks: TrunkStatus[] } {
  return { links: [], trunks: [] };
}

function part(said: Partial<UmbrellaStatusPart>): UmbrellaStatusPart {
  return { gatewayId: '', link: undefined, trunk: undefined, ...said };
}

const GATEWAY_ID = /^[A-Za-z0-9_-]{1,64}$/;
