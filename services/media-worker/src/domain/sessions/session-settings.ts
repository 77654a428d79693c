import type { ConnectionSettings } from './connection.js';
import { DataRate } from '../data/data-rate.js';
import type { PublishingSettings } from './incoming-stream.js';
import type { SessionProfile } from './session-profile.js';
import type { SessionEnvironment } from './session-environment.js';
import type { SubscribingSettings } from './subscribing-connection.js';

/** How long and how much a client's PeerConnections may, for what it sends. */
export function publishingSettings(
  environment: SessionEnvironment,
  dialing?: Dialing,
): PublishingSettings & { readonly switchOverMs: number } {
  const { limits, timings } = environment;
  return {
    ...connectionSettings(environment),
    ...dialing,
    tracksMax: limits.tracksPerPublication,
    switchOverMs: timings.switchOverMs,
  };
}

/** The same for what it is sent; `attached` says whether an offer can be passed on to it now. */
export function subscribingSettings(
  environment: SessionEnvironment,
  attached: () => boolean,
  dialing?: Dialing,
): SubscribingSettings {
  const { answerMs } = environment.timings;
  return { ...connectionSettings(environment), ...dialing, answerMs, attached };
}

/**
 * What sessions have more of that dial. Whoever dialled begins anew when a connection is lost: the
 * other side could not be called back.
 */
export function dialingSettings(
  { dials = false }: SessionProfile,
  { openIceFront, connections }: SessionEnvironment,
  onLost: (reason: string) => void,
): Dialing | undefined {
  if (!dials) return undefined;
  const maxIncomingBps = connections.maxIncomingBps * STREAMS_AT_ONCE;
  return { dial: openIceFront, onLost, maxIncomingBps };
}

/** One connection of a server brings what many of clients do. */
const STREAMS_AT_ONCE = 8;

export type Dialing = Required<Pick<ConnectionSettings, 'dial' | 'onLost' | 'maxIncomingBps'>>;

function connectionSettings(environment: SessionEnvironment): ConnectionSettings {
  const { clock, connections, limits, timings } = environment;
  const { connectMs, iceLossMs } = timings;
  const dataRate = new DataRate(clock, limits.data);
  return { ...connections, clock, connectMs, iceLossMs, dataRate };
}
