import type { IngestState, RelayState, SessionRef, StreamState } from '@sluice/proto-gen/common';
import { Fact } from '@sluice/proto-gen/facts';
import type { StreamName } from '@sluice/core';
import { SUBJECTS, type Bus } from '@sluice/nats-kit';
import type { FactPublisher, NodeIdentity } from '../domain/ports.js';

/**
 * Publishes facts in the order of the calls. Each has a revision, published or not, so that whoever
 * missed one notices and reads the node's state.
 */
export class Facts implements FactPublisher {
  #revision = 0;

  constructor(
    private readonly bus: Pick<Bus, 'publish'>,
    private readonly identity: NodeIdentity,
  ) {}

  /** Of the last fact; 0 before the first. */
  get revision(): number {
    return this.#revision;
  }

  sessionOpened(session: SessionRef): void {
    this.#publish(session.room, { $case: 'sessionOpened', value: { session } });
  }

  sessionChanged(session: SessionRef): void {
    this.#publish(session.room, { $case: 'sessionChanged', value: { session } });
  }

  sessionClosed(session: SessionRef, reason: string): void {
    this.#publish(session.room, { $case: 'sessionClosed', value: { session, reason } });
  }

  streamPublished(stream: StreamState, username: string): void {
    this.#publish(stream.name?.room, { $case: 'streamPublished', value: { stream, username } });
  }

  streamChanged(stream: StreamState): void {
    this.#publish(stream.name?.room, { $case: 'streamChanged', value: { stream } });
  }

  streamEnded(name: StreamName, epoch: number): void {
    this.#publish(name.room, { $case: 'streamEnded', value: { name, epoch } });
  }

  relayOpened(relay: RelayState): void {
    this.#publish(undefined, { $case: 'relayOpened', value: { relay } });
  }

  relayClosed(relay: RelayState): void {
    this.#publish(undefined, { $case: 'relayClosed', value: { relay } });
  }

  ingestChanged(ingest: IngestState): void {
    this.#publish(undefined, { $case: 'ingestChanged', value: { ingest } });
  }

  ingestStopped(ingestId: string, sessionId: string): void {
    this.#publish(undefined, { $case: 'ingestStopped', value: { ingestId, sessionId } });
  }

  speakersChanged(
    room: string,
    speakers: readonly { readonly participant: string; readonly volume: number }[],
  ): void {
    const value = { room, speakers: [...speakers] };
    this.#send(room, 0, { $case: 'speakersChanged', value });
  }

  #publish(room: string | undefined, fact: Fact['fact']): void {
    this.#revision += 1;
    this.#send(room, this.#revision, fact);
  }

  #send(room: string | undefined, revision: number, fact: Fact['fact']): void {
    const { nodeId, bootId } = this.identity;
    const subject =
      room === undefined ? SUBJECTS.nodeFact(nodeId) : SUBJECTS.roomFact(room, nodeId);
    this.bus.publish(subject, Fact.encode({ nodeId, bootId, revision, fact }).finish());
  }
}
