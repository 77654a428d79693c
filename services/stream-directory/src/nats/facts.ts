import {
  Fact as FactMessage,
  Heartbeat as HeartbeatMessage,
  NodeLost as NodeLostMessage,
} from '@sluice/proto-gen/facts';
import { SUBJECTS, type Bus } from '@sluice/nats-kit';
import type { Boot, Fact, Heartbeat } from '../domain/cluster/facts.js';
import { toBoot, toFact, toHeartbeat } from '../messages/from-message.js';

export interface FactListener {
  hearHeartbeat(heartbeat: Heartbeat): void;
  hearFact(fact: Fact): void;
  hearLost(boot: Boot): void;
}

/** The largest fact that is looked at: a stream with its tracks is a few hundred bytes. */
const FACT_MAX_BYTES = 64 * 1024;

/** Passes on what media nodes say, checked: a node speaks on its own subjects and for itself only. */
export function listenToFacts(
  bus: Pick<Bus, 'listen'>,
  listener: FactListener,
  onMalformed: (error: unknown) => void,
): void {
  const listen = (subject: string, hear: (payload: Uint8Array, sender: string) => void) => {
    bus.listen(subject, (payload, sentTo) => {
      try {
        if (payload.length > FACT_MAX_BYTES) throw new Error('fact too large');
        hear(payload, sentTo.slice(sentTo.lastIndexOf('.') + 1));
      } catch (error) {
        onMalformed(error);
      }
    });
  };
  const hearFact = (payload: Uint8Array, sender: string) => {
    const fact = toFact(FactMessage.decode(payload));
    if (fact) listener.hearFact(by(sender, fact));
  };
  listen(SUBJECTS.allHeartbeats, (payload, sender) => {
    listener.hearHeartbeat(by(sender, toHeartbeat(HeartbeatMessage.decode(payload))));
  });
  listen(SUBJECTS.allLost, (payload, subjectNode) => {
    listener.hearLost(by(subjectNode, toBoot(NodeLostMessage.decode(payload))));
  });
  listen(SUBJECTS.allRoomFacts, hearFact);
  listen(SUBJECTS.allNodeFacts, hearFact);
}

function by<T extends { readonly nodeId: string }>(sender: string, message: T): T {
  if (message.nodeId !== sender) throw new Error('a node spoke for another');
  return message;
}
