import type { UmbrellaClientStatus } from '@sluice/proto-gen/umbrella';
import type { LinkStatus } from '../domain/umbrella/link-statuses.js';
import { fromTrack, toTrack } from './umbrella.js';

export function fromLinkStatus(status: LinkStatus): UmbrellaClientStatus {
  const { gatewayId, label, trunkUrl = '', incomingTracks, outgoingTracks } = status;
  return {
    gatewayId,
    label,
    trunkUrl,
    incoming: undefined,
    outgoing: undefined,
    incomingTracks: incomingTracks.map(toTrack),
    outgoingTracks: outgoingTracks.map(toTrack),
    midMapping: [],
  };
}

export function toLinkStatus(status: UmbrellaClientStatus): LinkStatus {
  const { gatewayId, label, trunkUrl, incomingTracks, outgoingTracks } = status;
  return {
    gatewayId,
    label,
    trunkUrl: trunkUrl === '' ? undefined : trunkUrl,
    incomingTracks: incomingTracks.map(fromTrack),
    outgoingTracks: outgoingTracks.map(fromTrack),
  };
}
