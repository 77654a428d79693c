import type { RawData, WebSocket } from 'ws';
import { TokenBucket, type Clock } from '@sluice/core';
import { CLOSE_CODES } from '@sluice/protocol';
import type { Ending } from '../domain/rooms-dialect/connection.js';

/** A client that reads so slowly that this much waits for it has more than it can take. */
const UNSENT_MAX_BYTES = 1024 * 1024;
/** Pings that a client may send; a well-behaved one sends none or one every few seconds. */
const PINGS_PER_SECOND = 5;
const PINGS_BURST = 20;
const MISSED_PONGS_MAX = 2;
/** A close frame has room for 123; a character that is cut becomes three. */
const REASON_MAX_BYTES = 120;

/** Whoever handles what a client sends, in its dialect. */
export interface SocketListener {
  receiveText(frame: string): void;
  receiveBinary(frame: Buffer): void;
  /** Once, last. */
  end(ending: Ending): void;
}

/** One WebSocket of a client, whatever its dialect. */
export class ClientSocket {
  #listener: SocketListener | undefined;
  #missedPongs = 0;
  /** Why we ended it; a client that does not answer makes ws say 1006. */
  #closedWith: number | undefined;

  constructor(
    private readonly socket: WebSocket,
    clock: Clock,
    onClosed: (code: number) => void,
  ) {
    const pings = new TokenBucket(clock, PINGS_PER_SECOND, PINGS_BURST);
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('pong', () => {
      this.#missedPongs = 0;
    });
    socket.on('ping', () => {
      if (!pings.take()) this.close(CLOSE_CODES.flooding, 'too many pings');
    });
    // What is wrong with the bytes, ws answers with its close code; 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', (code) => {
      this.#listener?.end(endingOf(code));
      onClosed(this.#closedWith ?? code);
    });
  }

  /** Whom the frames are for. Call it at once. */
  serve(listener: SocketListener): void {
    this.#listener = listener;
  }

  /** Dropped when it is closed already. */
  send(frame: string | Uint8Array): void {
    if (this.socket.readyState !== this.socket.OPEN) return;
    if (this.socket.bufferedAmount > UNSENT_MAX_BYTES) {
      this.#listener?.end('broken');
      this.close(CLOSE_CODES.tryAgainLater, 'you read too slowly');
      return;
    }
    this.socket.send(frame);
  }

  close(code: number, reason: string): void {
    if (this.socket.readyState === this.socket.OPEN) this.#closedWith ??= code;
    this.socket.close(code, closeReason(reason));
  }

  /** Ends the connection so that the client resumes it on another gateway. */
  restart(): void {
    this.#listener?.end('restarting');
    this.close(CLOSE_CODES.restarting, 'this gateway restarts');
  }

  terminate(): void {
    this.socket.terminate();
  }

  /** Call it at a steady pace: a client that misses two answers is gone. */
  probe(): void {
    if (this.#missedPongs >= MISSED_PONGS_MAX) {
      this.terminate();
      return;
    }
    this.#missedPongs += 1;
    this.socket.ping();
  }

  #receive(data: RawData, isBinary: boolean): void {
    // With ws's default binaryType a message is one Buffer.
    if (isBinary) this.#listener?.receiveBinary(data as Buffer);
    else this.#listener?.receiveText((data as Buffer).toString('utf8'));
  }
}

/** As much of it as fits into a close frame. */
export function closeReason(text: string): string {
  return Buffer.from(text).subarray(0, REASON_MAX_BYTES).toString('utf8');
}

/** A client that says goodbye leaves; one that vanishes may come back. */
function endingOf(code: number): Ending {
  return code === 1000 || code === 1001 || code === 1005 ? 'clean' : 'broken';
}
