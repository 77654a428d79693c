import { NodeState } from '@sluice/proto-gen/common';
import { SluiceError, hasCode } from '@sluice/core';
import { DataChannelClient, type DataChannelClientContext } from './data-channel-client.js';
import type { DataChannelClientProfile } from './client-sessions.js';
import type { MediaNode } from '../node/media-node.js';
import type { PulledStreams } from './pulled-streams.js';
import type { SessionEnvironment } from '../sessions/session-environment.js';

/** The clients of this node that are signaled over data channels. */
export class DataChannelClients {
  readonly #clients = new Set<DataChannelClient>();

  constructor(
    private readonly node: MediaNode,
    private readonly environment: SessionEnvironment,
    private readonly pulls: PulledStreams,
    private readonly kit: Pick<DataChannelClientContext, 'doors' | 'newId' | 'newRequestScope'>,
  ) {
    node.onStateChanged(() => {
      if (node.state !== NodeState.NODE_STATE_DRAINING) return;
      for (const client of this.#clients) client.move('Server is draining');
    });
  }

  get size(): number {
    return this.#clients.size;
  }

  /**
   * Our answer to a client's first offer.
   *
   * @throws {SdpError} or {SluiceError} NODE_DRAINING, CAPACITY_EXHAUSTED, UNAVAILABLE.
   */
  async open(profile: DataChannelClientProfile, routerId: string, sdp: string): Promise<string> {
    const home = this.node.admit(routerId, this.#clients.size);
    const context: DataChannelClientContext = {
      environment: this.environment,
      openSession: (session, turn) => this.node.openSession(session, routerId, false, turn),
      pulls: this.pulls,
      ...this.kit,
    };
    const { client, answer } = await DataChannelClient.open(profile, home, sdp, context);
    try {
      this.node.admit(routerId, this.#clients.size);
    } catch (error) {
      client.close('refused');
      throw hasCode(error, 'UNAVAILABLE')
        ? new SluiceError('UNAVAILABLE', 'the media worker has died')
        : error;
    }
    this.#clients.add(client);
    client.onClosed(() => this.#clients.delete(client));
    return answer;
  }

  close(reason: string): void {
    for (const client of this.#clients) client.close(reason);
  }
}
