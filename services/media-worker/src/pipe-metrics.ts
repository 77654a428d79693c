import { Counter, Gauge, type Registry } from 'prom-client';
import type { PeerTraffic } from './domain/pipes/pipe-meter.js';

/** Registers what is read of the traffic with each other node whenever it is asked for. */
export function readPipes(
  registry: Registry,
  traffic: () => ReadonlyMap<string, PeerTraffic>,
): void {
  const counted = (
    name: string,
    help: string,
    of: (peer: PeerTraffic) => readonly (readonly [string, number])[],
    label: 'direction' | 'fate',
  ) => {
    const counter: Counter = new Counter({
      name,
      help,
      labelNames: ['peer', label],
      registers: [registry],
      collect: () => {
        counter.reset();
        for (const [peer, counts] of traffic()) {
          for (const [value, count] of of(counts)) counter.inc({ peer, [label]: value }, count);
        }
      },
    });
  };
  counted(
    'sluice_media_pipe_bytes_total',
    'Bytes that crossed pipes to other nodes, by node',
    ({ receivedBytes, sentBytes }) => [
      ['in', receivedBytes],
      ['out', sentBytes],
    ],
    'direction',
  );
  counted(
    'sluice_media_pipe_packets_total',
    'Packets of other nodes: that came, were lost on the first way, and of those came repaired',
    ({ receivedPackets, lostPackets, repairedPackets }) => [
      ['received', receivedPackets],
      ['lost', lostPackets],
      ['repaired', repairedPackets],
    ],
    'fate',
  );
  const roundTrip: Gauge = new Gauge({
    name: 'sluice_media_pipe_round_trip_seconds',
    help: 'Round trip to another node, of the slowest stream that is sent to it',
    labelNames: ['peer'],
    registers: [registry],
    collect: () => {
      roundTrip.reset();
      for (const [peer, { roundTripMs }] of traffic()) {
        if (roundTripMs !== undefined) roundTrip.set({ peer }, roundTripMs / 1_000);
      }
    },
  });
}
