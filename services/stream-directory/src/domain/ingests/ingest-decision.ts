import type { ClusterView } from '../cluster/cluster-view.js';
import type { IngestRun, WantedIngest } from '../ingest.js';
import type { KnownNode } from '../cluster/known-node.js';

export type IngestDecision =
  /** Nothing, for now. */
  | { readonly do: 'wait' }
  /** Find it a node: no other than those excluded, and let it take over from the run that there is. */
  | {
      readonly do: 'assign';
      readonly excludeNodeIds: readonly string[];
      readonly replacesSessionId: string | undefined;
    }
  /** Tell the node that has it, which does not run it. */
  | { readonly do: 'start'; readonly run: IngestRun };

export interface IngestSituation {
  readonly view: Pick<ClusterView, 'find' | 'hasEnded'>;
  /** For how long a node that is not known could have been heard of. */
  readonly heardForMs: number;
  /** A node that was not heard of for so long is gone. */
  readonly lostMs: number;
  /** Whether its node refused it, or took it and does not run it some time after. */
  readonly gaveUp: (run: IngestRun) => boolean;
}

/** What to do about an ingest that should run. Pure. */
export function decideIngest(
  { run }: Pick<WantedIngest, 'run'>,
  situation: IngestSituation,
): IngestDecision {
  if (!run) return anew();
  const { nodeId, bootId } = run.router;
  const node = situation.view.find(nodeId, bootId);
  if (!node) return decideLost(run, situation);
  if (!hasRouter(node, run)) return anew();
  const draining = node.heartbeat.state === 'draining';
  if (node.findIngest(run.sessionId)) {
    if (!draining) return { do: 'wait' };
    // Make before break: the old run feeds until the new one does.
    return { do: 'assign', excludeNodeIds: [nodeId], replacesSessionId: run.sessionId };
  }
  if (draining) return anew(nodeId);
  if (node.behind) return { do: 'wait' };
  if (!situation.gaveUp(run)) return { do: 'start', run };
  return { do: 'assign', excludeNodeIds: [], replacesSessionId: run.replacesSessionId };
}

function decideLost(
  { router }: IngestRun,
  { view, heardForMs, lostMs }: IngestSituation,
): IngestDecision {
  const gone = view.hasEnded(router.nodeId, router.bootId) || heardForMs >= lostMs;
  return gone ? anew() : { do: 'wait' };
}

function anew(...excludeNodeIds: string[]): IngestDecision {
  return { do: 'assign', excludeNodeIds, replacesSessionId: undefined };
}

function hasRouter(node: KnownNode, { router }: IngestRun): boolean {
  return node.heartbeat.routers.some(({ routerId }) => routerId === router.routerId);
}
