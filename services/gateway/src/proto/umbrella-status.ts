import { SluiceError, isErrorCode } from '@sluice/core';
import type { UmbrellaClientStatus, UmbrellaTrunkStatus } from '@sluice/proto-gen/umbrella';
import type { LinkStatus } from '../domain/umbrella/link-statuses.js';
import type { TrunkStatus } from '../domain/umbrella/trunks.js';
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

export function fromTrunkStatus({ server, state, failure }: TrunkStatus): UmbrellaTrunkStatus {
  return { server, state, code: failure?.code ?? '', reason: failure?.message ?? '' };
}

/** Of a gateway of ours; one of another version may know other states. */
export function toTrunkStatus({ server, state, code, reason }: UmbrellaTrunkStatus): TrunkStatus {
  return {
    server,
    state: state === 'open' || state === 'dialling' ? state : 'waiting',
    failure: isErrorCode(code) ? new SluiceError(code, reason) : undefined,
  };
}
