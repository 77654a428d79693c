import type { ConnectionSettings } from './connection.js';
import type { PublishingSettings } from './incoming-stream.js';
import type { SessionEnvironment } from './session.js';
import type { SubscribingSettings } from './subscribing-connection.js';

/** How long and how much a client's PeerConnections may, for what it sends. */
export function publishingSettings(
  environment: SessionEnvironment,
): PublishingSettings & { readonly switchOverMs: number } {
  const { limits, timings } = environment;
  return {
    ...connectionSettings(environment),
    tracksMax: limits.tracksPerPublication,
    switchOverMs: timings.switchOverMs,
  };
}

/** The same for what it is sent; `attached` says whether an offer can be passed on to it now. */
export function subscribingSettings(
  environment: SessionEnvironment,
  attached: () => boolean,
): SubscribingSettings {
  const { answerMs } = environment.timings;
  return { ...connectionSettings(environment), answerMs, attached };
}

function connectionSettings(environment: SessionEnvironment): ConnectionSettings {
  const { clock, connections, timings } = environment;
  const { connectMs, iceLossMs } = timings;
  return { ...connections, clock, connectMs, iceLossMs };
}
