import type { PipeTransport, PipeTransportOptions, Router, SrtpCryptoSuite } from 'mediasoup/types';
import { SluiceError } from '@sluice/core';
import { MESSAGE_MAX_BYTES } from '../data/data-message.js';
import { SEAL_BYTES } from '../data/data-seal.js';
import type { PipeEnd } from '@sluice/proto-gen/media_node';

/** Where the pipes between nodes listen. They cannot share the port of the WebRtcServer. */
export interface PipeListen {
  readonly ip: string;
  /** The address under which other nodes reach `ip`, where it differs. An IP address, no name. */
  readonly announcedAddress?: string | undefined;
  readonly portMin: number;
  readonly portMax: number;
}

/** Pipes between nodes are encrypted and repair loss; those between cores never leave the host. */
export type PipeReach = 'between nodes' | 'between cores';

/** All streams of two routers share these sockets; the kernel may grant less. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;

const SEALED_MAX_BYTES = MESSAGE_MAX_BYTES + SEAL_BYTES;

/** The only suite that mediasoup's PipeTransport knows. */
const SRTP_CRYPTO_SUITE: SrtpCryptoSuite = 'AEAD_AES_256_GCM';

/** What `router.createPipeTransport()` takes. */
export function pipeTransportOptions(listen: PipeListen, reach: PipeReach): PipeTransportOptions {
  const between = reach === 'between nodes';
  return {
    listenInfo: {
      protocol: 'udp',
      ip: between ? listen.ip : '127.0.0.1',
      ...(between && listen.announcedAddress !== undefined
        ? { announcedAddress: listen.announcedAddress }
        : {}),
      portRange: { min: listen.portMin, max: listen.portMax },
      sendBufferSize: SOCKET_BUFFER_BYTES,
      recvBufferSize: SOCKET_BUFFER_BYTES,
    },
    enableSrtp: between,
    enableRtx: between,
    // Not encrypted, unlike the rest: what it carries is sealed.
    enableSctp: true,
    maxSendMessageSize: SEALED_MAX_BYTES,
    maxReceiveMessageSize: SEALED_MAX_BYTES,
    sctpSendBufferSize: 16 * 1024 * 1024,
    sctpPerStreamSendQueueLimit: 4 * 1024 * 1024,
  };
}

/** Our own end, as the other side must know it to connect. */
export function endOf(transport: PipeTransport): PipeEnd {
  return {
    ip: transport.tuple.localAddress,
    port: transport.tuple.localPort,
    srtpCryptoSuite: transport.srtpParameters?.cryptoSuite ?? '',
    srtpKeyBase64: transport.srtpParameters?.keyBase64 ?? '',
  };
}

/** @throws {SluiceError} INVALID_ARGUMENT when `end` does not fit the reach of `transport`. */
export async function connectTo(transport: PipeTransport, end: PipeEnd): Promise<void> {
  const { ip, port, srtpCryptoSuite, srtpKeyBase64 } = end;
  if (!transport.srtpParameters) {
    if (srtpKeyBase64 !== '') throw mismatch('unexpected SRTP parameters');
    await transport.connect({ ip, port });
    return;
  }
  if (srtpCryptoSuite !== SRTP_CRYPTO_SUITE || srtpKeyBase64 === '') {
    throw mismatch('missing or unknown SRTP parameters');
  }
  await transport.connect({
    ip,
    port,
    srtpParameters: { cryptoSuite: srtpCryptoSuite, keyBase64: srtpKeyBase64 },
  });
}

function mismatch(problem: string): SluiceError {
  return new SluiceError('INVALID_ARGUMENT', `pipe end: ${problem}`);
}

/** @throws {SluiceError} CAPACITY_EXHAUSTED when no port of the range is free. */
export async function createPipeTransport(
  router: Router,
  listen: PipeListen,
  reach: PipeReach,
): Promise<PipeTransport> {
  try {
    return await router.createPipeTransport(pipeTransportOptions(listen, reach));
  } catch (error) {
    throw new SluiceError('CAPACITY_EXHAUSTED', 'no pipe can be opened here', {}, { cause: error });
  }
}
