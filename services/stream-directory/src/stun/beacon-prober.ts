import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { randomBytes } from 'node:crypto';
import type { Clock } from '@sluice/core';
import { isSignedWith, parseStun, writeCheck } from '@sluice/stun';
import type { Beacon } from '../domain/cluster/facts.js';
import type { Beacons } from '../domain/ports.js';

/** A lost datagram must not look like a dead worker: each beacon is asked as often, this far apart. */
const ATTEMPTS = 3;
const RETRY_MS = 150;
/** Each is a few datagrams; a node has a core or more to answer for it. */
const PROBED_MAX = 8;
/** Of a peer-reflexive candidate, component 1: what the answering agent would name us. */
const PRIORITY = 0x6effffff;

interface Waiting {
  readonly password: string;
  readonly onAnswer: () => void;
}

/**
 * Asks mediasoup workers for a sign of life by STUN, past their control process. One socket for all
 * of them, so that each worker sees one remote address of this replica however often it is asked.
 */
export class BeaconProber implements Beacons {
  readonly #waiting = new Map<string, Waiting>();
  readonly #sockets = new Map<'udp4' | 'udp6', Socket>();
  readonly #usernameFragment = randomBytes(6).toString('hex');
  #closed = false;

  constructor(
    private readonly clock: Clock,
    private readonly onTrouble: (error: unknown) => void = () => undefined,
  ) {}

  /** Resolves with the first valid answer, or when none came in time. Never rejects. */
  async anyAnswers(beacons: readonly Beacon[]): Promise<boolean> {
    if (this.#closed || beacons.length === 0) return false;
    const probed = beacons.slice(0, PROBED_MAX);
    return new Promise<boolean>((resolve) => {
      const transactions: string[] = [];
      let attempts = 0;
      const ask = () => {
        attempts += 1;
        for (const beacon of probed) transactions.push(this.#send(beacon, () => end(true)));
      };
      const retry = this.clock.every(RETRY_MS, () => {
        if (attempts < ATTEMPTS && !this.#closed) ask();
        else end(false);
      });
      const end = (answered: boolean) => {
        retry.cancel();
        for (const transaction of transactions) this.#waiting.delete(transaction);
        resolve(answered);
      };
      ask();
    });
  }

  close(): void {
    this.#closed = true;
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  #send({ ip, port, usernameFragment, password }: Beacon, onAnswer: () => void): string {
    const transactionId = randomBytes(12);
    const transaction = transactionId.toString('hex');
    const check = writeCheck({
      transactionId,
      username: `${usernameFragment}:${this.#usernameFragment}`,
      password,
      priority: PRIORITY,
      role: 'controlling',
      tieBreaker: randomBytes(8).readBigUInt64BE(),
      nominates: false,
    });
    this.#waiting.set(transaction, { password, onAnswer });
    const socket = this.#socketFor(ip);
    // A refusal or a missing route is no answer, as silence is.
    socket.send(check, port, ip, () => undefined);
    return transaction;
  }

  #socketFor(ip: string): Socket {
    const type = isIPv6(ip) ? 'udp6' : 'udp4';
    let socket = this.#sockets.get(type);
    if (!socket) {
      socket = createSocket(type);
      socket.on('message', (datagram) => this.#hear(datagram));
      socket.on('error', this.onTrouble);
      socket.unref();
      this.#sockets.set(type, socket);
    }
    return socket;
  }

  #hear(datagram: Buffer): void {
    const message = parseStun(datagram);
    if (message?.type !== 'success') return;
    const waiting = this.#waiting.get(message.transactionId);
    if (waiting && isSignedWith(message, waiting.password)) waiting.onAnswer();
  }
}
