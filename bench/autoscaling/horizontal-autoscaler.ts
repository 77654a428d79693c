/**
 * The decision of Kubernetes' HorizontalPodAutoscaler (autoscaling/v2) for a metric of pods with an
 * average value: ratio and tolerance, pods that are pending or without a metric, several metrics,
 * stabilisation windows, and policies of behaviour.
 */

export interface ScalingPolicy {
  readonly type: 'Pods' | 'Percent';
  readonly value: number;
  readonly periodSeconds: number;
}

export interface ScalingRules {
  readonly stabilizationWindowSeconds: number;
  readonly policies: readonly ScalingPolicy[];
  readonly selectPolicy?: 'Max' | 'Min' | 'Disabled';
}

export interface AutoscalerSpec {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** Average values to aim at; the metric that wants most replicas decides. */
  readonly targets: Readonly<Record<string, number>>;
  readonly behavior: { readonly scaleUp: ScalingRules; readonly scaleDown: ScalingRules };
}

/** A pod as the controller sees it. */
export interface ScaledPod {
  readonly phase: 'Pending' | 'Running';
  readonly deleting: boolean;
  /** What the metrics API has of it, by metric; nothing before it was first scraped. */
  readonly metrics: Readonly<Record<string, number>>;
}

interface Timed {
  readonly atS: number;
  readonly value: number;
}

const TOLERANCE = 0.1;

/** How many replicas one metric asks for; undefined where no pod has it. */
export function replicasFor(
  metric: string,
  target: number,
  current: number,
  pods: readonly ScaledPod[],
): number | undefined {
  const living = pods.filter(({ deleting }) => !deleting);
  const running = living.filter(({ phase }) => phase === 'Running');
  const values = running.flatMap((pod) => pod.metrics[metric] ?? []);
  if (values.length === 0) return undefined;
  const pending = living.length - running.length;
  const missing = running.length - values.length;
  const ratio = average(values) / target;
  const upWithPending = pending > 0 && ratio > 1;
  if (!upWithPending && missing === 0) {
    return isWithinTolerance(ratio) ? current : roundedUp(ratio * values.length);
  }
  // Those that say nothing are taken for whatever makes the change smaller.
  const assumed = [
    ...values,
    ...Array<number>(missing).fill(ratio < 1 ? target : 0),
    ...Array<number>(upWithPending ? pending : 0).fill(0),
  ];
  return cautiously(ratio, average(assumed) / target, assumed.length, current);
}

/** By the ratio that has the unknown in it, unless it says the opposite of what is known. */
function cautiously(known: number, cautious: number, pods: number, current: number): number {
  const turned = (known < 1 && cautious > 1) || (known > 1 && cautious < 1);
  if (isWithinTolerance(cautious) || turned) return current;
  const replicas = roundedUp(cautious * pods);
  const against = cautious < 1 ? replicas > current : replicas < current;
  return against ? current : replicas;
}

/** One autoscaler over time. */
export class HorizontalAutoscaler {
  readonly #recommendations: Timed[] = [];
  /** What was added and taken away. */
  readonly #added: Timed[] = [];
  readonly #removed: Timed[] = [];

  constructor(private readonly spec: AutoscalerSpec) {}

  /** How many replicas there should be from now on. To be called every 15 seconds. */
  decide(nowS: number, current: number, pods: readonly ScaledPod[]): number {
    const { minReplicas, maxReplicas } = this.spec;
    // Outside of its bounds it is brought back at once, whatever the load.
    if (current > maxReplicas) return this.#change(nowS, current, maxReplicas);
    if (current < minReplicas) return this.#change(nowS, current, minReplicas);
    const wanted = this.#wanted(current, pods);
    const stable = this.#stabilised(nowS, current, wanted);
    return this.#change(nowS, current, this.#limited(nowS, current, stable));
  }

  #wanted(current: number, pods: readonly ScaledPod[]): number {
    const { targets } = this.spec;
    const each = Object.entries(targets).map(([metric, target]) =>
      replicasFor(metric, target, current, pods),
    );
    const known = each.filter((replicas) => replicas !== undefined);
    if (known.length === 0) return current;
    const most = Math.max(...known);
    // A metric that cannot be had may have wanted more.
    return known.length < each.length && most < current ? current : most;
  }

  #stabilised(nowS: number, current: number, wanted: number): number {
    // What was there when it began to look counts as wanted.
    if (this.#recommendations.length === 0)
      this.#recommendations.push({ atS: nowS, value: current });
    const { scaleUp, scaleDown } = this.spec.behavior;
    const upS = scaleUp.stabilizationWindowSeconds;
    const downS = scaleDown.stabilizationWindowSeconds;
    const within = (windowS: number) =>
      this.#recommendations.filter(({ atS }) => atS > nowS - windowS).map(({ value }) => value);
    const least = Math.min(wanted, ...within(upS));
    const most = Math.max(wanted, ...within(downS));
    this.#recommendations.push({ atS: nowS, value: wanted });
    forget(this.#recommendations, nowS - Math.max(upS, downS));
    if (current < least) return least;
    return current > most ? most : current;
  }

  #limited(nowS: number, current: number, wanted: number): number {
    const { minReplicas, maxReplicas, behavior } = this.spec;
    if (wanted > current) {
      const limit = Math.max(current, this.#upLimit(nowS, current, behavior.scaleUp));
      return Math.min(wanted, maxReplicas, limit);
    }
    const limit = Math.min(current, this.#downLimit(nowS, current, behavior.scaleDown));
    return Math.max(wanted, minReplicas, limit);
  }

  #upLimit(nowS: number, current: number, { policies, selectPolicy }: ScalingRules): number {
    if (selectPolicy === 'Disabled') return current;
    const limits = policies.map(({ type, value, periodSeconds }) => {
      const start = this.#atStartOf(nowS, current, periodSeconds);
      return type === 'Pods' ? start + value : roundedUp(start * (1 + value / 100));
    });
    return selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits);
  }

  #downLimit(nowS: number, current: number, { policies, selectPolicy }: ScalingRules): number {
    if (selectPolicy === 'Disabled') return current;
    const limits = policies.map(({ type, value, periodSeconds }) => {
      const start = this.#atStartOf(nowS, current, periodSeconds);
      return type === 'Pods' ? start - value : Math.trunc(start * (1 - value / 100));
    });
    return selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits);
  }

  #atStartOf(nowS: number, current: number, periodS: number): number {
    const sum = (events: readonly Timed[]) =>
      events.reduce((all, { atS, value }) => (atS > nowS - periodS ? all + value : all), 0);
    return current - sum(this.#added) + sum(this.#removed);
  }

  #change(nowS: number, current: number, next: number): number {
    if (next > current) this.#added.push({ atS: nowS, value: next - current });
    if (next < current) this.#removed.push({ atS: nowS, value: current - next });
    return next;
  }
}

function isWithinTolerance(ratio: number): boolean {
  return Math.abs(1 - ratio) <= TOLERANCE;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** A whole number that arithmetic has missed by a hair is that number. */
function roundedUp(value: number): number {
  return Math.ceil(value - 1e-9);
}

function forget(events: Timed[], beforeS: number): void {
  while (events[0] && events[0].atS <= beforeS) events.shift();
}
