/** A pod as a ReplicaSet sees it when it has too many. */
export interface OwnedPod {
  readonly name: string;
  readonly phase: 'Pending' | 'Running';
  readonly ready: boolean;
  /** Of the annotation controller.kubernetes.io/pod-deletion-cost. */
  readonly deletionCost: number;
  readonly createdAtS: number;
}

/**
 * Which `count` pods a ReplicaSet deletes: pending before running, unready before ready, then the
 * lowest deletion cost, then the youngest.
 */
export function podsToDelete<Pod extends OwnedPod>(pods: readonly Pod[], count: number): Pod[] {
  return pods.toSorted(byWorth).slice(0, count);
}

function byWorth(one: OwnedPod, two: OwnedPod): number {
  return (
    Number(one.phase === 'Running') - Number(two.phase === 'Running') ||
    Number(one.ready) - Number(two.ready) ||
    one.deletionCost - two.deletionCost ||
    two.createdAtS - one.createdAtS
  );
}
