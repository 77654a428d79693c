import { SluiceError } from '@sluice/core';
import { SUBJECTS, type Bus } from '@sluice/nats-kit';
import type { SessionRef, StreamName } from '@sluice/proto-gen/common';
import { Fact, NodeLost, PeerMessage as PeerMessageProto } from '@sluice/proto-gen/facts';
import type {
  Listening,
  Observer,
  PeerCandidate,
  PeerMessage,
  RoomFact,
  RoomNews,
} from '../domain/ports.js';
import { toRoomSession, toRoomStream } from '../proto/from-proto.js';

/** The participant lives on in another session, or its gateway is about to give it one. */
const MOVED_REASONS = ['moved', 'media worker lost'];

/** What nodes and other gateways say of a room, over NATS. */
export class NatsRoomNews implements RoomNews {
  readonly #listeners = new Set<(fact: RoomFact) => void>();

  constructor(
    private readonly bus: Bus,
    private readonly observer: Observer,
  ) {
    // One subscription for all rooms; it ends with the bus.
    this.#listen(SUBJECTS.allLost, (payload) => {
      const { nodeId, bootId } = NodeLost.decode(payload);
      for (const tell of [...this.#listeners]) tell({ kind: 'nodeLost', nodeId, bootId });
    });
  }

  listen(
    room: string,
    onFact: (fact: RoomFact) => void,
    onPeerMessage: (message: PeerMessage) => void,
  ): Listening {
    const facts = this.#listen(SUBJECTS.factsOfRoom(room), (payload) => {
      const fact = toRoomFact(Fact.decode(payload));
      if (fact) onFact(fact);
    });
    const peers = this.#listen(SUBJECTS.peerMessages(room), (payload) => {
      const message = fromPeerProto(PeerMessageProto.decode(payload));
      if (message) onPeerMessage(message);
    });
    this.#listeners.add(onFact);
    return {
      stop: () => {
        this.#listeners.delete(onFact);
        facts.stop();
        peers.stop();
      },
    };
  }

  sendToPeer(room: string, message: PeerMessage): void {
    const payload = PeerMessageProto.encode(toPeerProto(room, message)).finish();
    if (this.bus.publish(SUBJECTS.peerMessages(room), payload)) return;
    throw new SluiceError('UNAVAILABLE', 'messages to peers cannot be sent now');
  }

  /** What cannot be read is of another version, or not ours: it touches nobody. */
  #listen(subject: string, read: (payload: Uint8Array) => void): Listening {
    return this.bus.listen(subject, (payload) => {
      try {
        read(payload);
      } catch (error) {
        this.observer.trouble(error, 'reading news of a room');
      }
    });
  }
}

/** Undefined for facts that say nothing to clients. */
function toRoomFact({ nodeId, fact }: Fact): RoomFact | undefined {
  switch (fact?.$case) {
    case 'sessionOpened':
    case 'sessionChanged':
      return sessionSeen(fact.value.session);
    case 'sessionClosed':
      return sessionClosed(fact.value.session, fact.value.reason);
    case 'streamPublished':
      return streamSeen(toRoomStream(fact.value.stream, fact.value.username));
    case 'streamChanged':
      return streamSeen(toRoomStream(fact.value.stream));
    case 'streamEnded':
      return streamEnded(fact.value.name, fact.value.epoch);
    case 'speakersChanged':
      return { kind: 'speakersChanged', nodeId, speakers: fact.value.speakers };
    case 'relayOpened':
    case 'relayClosed':
    case 'ingestChanged':
    case 'ingestStopped':
    case undefined:
      return undefined;
  }
}

function sessionSeen(session: SessionRef | undefined): RoomFact | undefined {
  return session && { kind: 'sessionSeen', session: toRoomSession(session) };
}

function sessionClosed(session: SessionRef | undefined, reason: string): RoomFact | undefined {
  const moved = MOVED_REASONS.includes(reason);
  return session && { kind: 'sessionClosed', sessionId: session.sessionId, moved };
}

function streamEnded(name: StreamName | undefined, epoch: number): RoomFact | undefined {
  if (!name) return undefined;
  const { participant, purpose } = name;
  return { kind: 'streamEnded', participant, purpose, epoch };
}

function streamSeen(stream: ReturnType<typeof toRoomStream>): RoomFact | undefined {
  return stream && { kind: 'streamSeen', stream };
}

function toPeerProto(room: string, { from, fromUsername, to, body }: PeerMessage) {
  return { room, from, fromUsername, to, body: toBody(body) };
}

function toBody(body: PeerMessage['body']): PeerMessageProto['body'] {
  switch (body.kind) {
    case 'offer':
      return { $case: 'offerSdp', value: body.sdp };
    case 'answer':
      return { $case: 'answerSdp', value: body.sdp };
    case 'ice-candidate':
      return { $case: 'candidateJson', value: JSON.stringify(body.candidate) };
  }
}

function fromPeerProto({
  from,
  fromUsername,
  to,
  body,
}: PeerMessageProto): PeerMessage | undefined {
  switch (body?.$case) {
    case 'offerSdp':
      return { from, fromUsername, to, body: { kind: 'offer', sdp: body.value } };
    case 'answerSdp':
      return { from, fromUsername, to, body: { kind: 'answer', sdp: body.value } };
    case 'candidateJson': {
      // Written by a gateway of ours from a checked message.
      const candidate = JSON.parse(body.value) as PeerCandidate;
      return { from, fromUsername, to, body: { kind: 'ice-candidate', candidate } };
    }
    case undefined:
      return undefined;
  }
}
