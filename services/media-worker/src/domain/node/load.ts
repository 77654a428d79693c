/** What a node or one of its cores does now. */
export interface Usage {
  /** Of one core, 0 to 1. */
  readonly cpuShare: number;
  readonly egressBps: number;
  readonly ingressBps: number;
  readonly consumers: number;
}

/** What counts as full. */
export interface Capacity {
  readonly egressBps: number;
  readonly ingressBps: number;
  readonly consumers: number;
}

/** Each kind of use against what counts as full; the largest is the load. */
export type LoadPart = 'cpu' | 'egress' | 'ingress' | 'consumers';
export type LoadParts = Readonly<Record<LoadPart, number>>;

export interface NodeLoad {
  /** Fraction of capacity, 0 (idle) to 1 (full). */
  readonly node: number;
  /** By router, of its core's part of the capacity. */
  readonly routers: ReadonlyMap<string, number>;
}

/** Load that goes up is believed soon, load that goes down later: a join is felt at once. */
const RISE_MS = 1_000;
const FALL_MS = 5_000;

/**
 * The largest of what is scarce: the busiest core, the network in either direction, the consumers.
 * A core's share of the capacity is that of the node divided by the number of cores.
 */
export function loadOf(cores: ReadonlyMap<string, Usage>, capacity: Capacity): NodeLoad {
  const share: Capacity = {
    egressBps: capacity.egressBps / Math.max(1, cores.size),
    ingressBps: capacity.ingressBps / Math.max(1, cores.size),
    consumers: capacity.consumers / Math.max(1, cores.size),
  };
  const routers = new Map([...cores].map(([id, usage]) => [id, largestShare(usage, share)]));
  return { node: largestShare(total([...cores.values()]), capacity), routers };
}

/** Of the whole node, not smoothed: what the load is made of now. */
export function loadPartsOf(cores: ReadonlyMap<string, Usage>, capacity: Capacity): LoadParts {
  return partsOf(total([...cores.values()]), capacity);
}

/** `previous` moved towards `next`, as far as `elapsedMs` lets it. */
export function smoothed(previous: number, next: number, elapsedMs: number): number {
  const timeMs = next > previous ? RISE_MS : FALL_MS;
  return previous + (next - previous) * (1 - Math.exp(-Math.max(0, elapsedMs) / timeMs));
}

function total(cores: readonly Usage[]): Usage {
  const sum = (of: (usage: Usage) => number) => cores.reduce((all, usage) => all + of(usage), 0);
  return {
    cpuShare: Math.max(0, ...cores.map(({ cpuShare }) => cpuShare)),
    egressBps: sum((usage) => usage.egressBps),
    ingressBps: sum((usage) => usage.ingressBps),
    consumers: sum((usage) => usage.consumers),
  };
}

function largestShare(usage: Usage, capacity: Capacity): number {
  const shares = Object.values(partsOf(usage, capacity));
  return Math.min(1, Math.max(0, ...shares.filter(Number.isFinite)));
}

function partsOf(usage: Usage, capacity: Capacity): LoadParts {
  return {
    cpu: usage.cpuShare,
    egress: usage.egressBps / capacity.egressBps,
    ingress: usage.ingressBps / capacity.ingressBps,
    consumers: usage.consumers / capacity.consumers,
  };
}
