import { randomUUID } from 'node:crypto';
import type { Lifecycle } from '@sluice/core';
import { JoinSpans } from '@sluice/tracing';
import type { Configuration } from './config.js';
import { sessionCreator } from './dialing/create-session.js';
import { Dialer } from './dialing/dialer.js';
import { ForeignStream } from './dialing/foreign-stream.js';
import type { MediaNode } from './domain/node/media-node.js';
import type { NodeIdentity, PullHandOver, RoomDoors, SessionPlaces } from './domain/ports.js';
import type { SessionEnvironment } from './domain/sessions/session-environment.js';
import { DataChannelClients } from './domain/sfu-to-sfu/data-channel-clients.js';
import { PulledStreams } from './domain/sfu-to-sfu/pulled-streams.js';
import type { RelayPeers } from './grpc/relay-peers.js';

interface Foundation {
  readonly config: Configuration;
  readonly identity: NodeIdentity;
  readonly lifecycle: Lifecycle;
}

interface Serving {
  readonly node: MediaNode;
  readonly environment: SessionEnvironment;
  readonly directory: RoomDoors & SessionPlaces;
  readonly peers: RelayPeers;
}

/** Clients without a gateway, what is pulled for them, and what other nodes hand over of that. */
export function openDataChannelClients(foundation: Foundation, serving: Serving) {
  const { node, environment, directory } = serving;
  const pulls = openPulledStreams(foundation, serving);
  const kit = {
    doors: directory,
    newId: randomUUID,
    newRequestScope: () => JoinSpans.begun(environment.clock).inRequest,
  };
  return {
    clients: new DataChannelClients(node, environment, pulls, kit),
    takeOverPull: ({ routerId, ...pull }: PullHandOver) =>
      pulls.takeOver(node.admit(routerId), pull),
  };
}

function openPulledStreams(
  { config, identity, lifecycle }: Foundation,
  { node, environment, directory, peers }: Serving,
): PulledStreams {
  const { clock } = environment;
  const dialer = new Dialer({ mediaLimitBps: config.media.publishLimitBps });
  lifecycle.started('dialing processes', 1_000, () => dialer.close());
  const createSession = sessionCreator(config.foci.allowedNetworks);
  const dialing = { dialer, createSession, clock };
  const pulls = new PulledStreams({
    policy: config.foci,
    environment,
    openSession: (profile, routerId) => node.openSession(profile, routerId, false),
    open: (home, focus, name) => ForeignStream.open({ ...dialing, home, focus, name }),
    handOver: async ({ focus, name, local }, replacesSessionId) => {
      const { room, participant } = local;
      const heir = await directory.placeSession(room, participant, [identity.nodeId]);
      const { routerId, grpcAddress } = heir;
      const pull = { routerId, focus: focus.host, name, replacesSessionId };
      await peers.takeOverPull(grpcAddress, pull);
    },
    newId: randomUUID,
    random: Math.random,
    lingerMs: config.pipes.relayLingerMs,
  });
  lifecycle.started('pulled streams', 1_000, () => pulls.close('stopping'));
  return pulls;
}
