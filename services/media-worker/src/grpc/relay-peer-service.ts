import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { SessionId } from '@sluice/core';
import { bidiStream, unary, type ReportError } from '@sluice/grpc-kit';
import { RelayPeerService, type RelayPeerServer } from '@sluice/proto-gen/media_node';
import type { PullHandOver, StreamHolder } from '../domain/ports.js';
import type { RelayService } from '../domain/pipes/relay-peers.js';
import { parseOpenPipeRequest, parseOpenRelayRequest, parseStreamName } from './relay-messages.js';

/** The server half of what media nodes say to each other; for `startGrpcServer`. */
export function relayPeerService(
  relays: RelayService,
  holder: StreamHolder,
  takeOverPull: (pull: PullHandOver) => Promise<void>,
  report: ReportError,
): readonly [ServiceDefinition, UntypedServiceImplementation] {
  const server: RelayPeerServer = {
    openPipe: bidiStream(
      (requests, write, context) =>
        relays.openPipe(parsed(requests, parseOpenPipeRequest), write, context),
      report,
    ),
    openRelay: bidiStream(
      (requests, write, context) =>
        relays.openRelay(parsed(requests, parseOpenRelayRequest), write, context),
      report,
    ),
    yieldStream: unary(async ({ name, epoch, sessionId, replacesSessionId }) => {
      await holder.yieldStream({
        name: parseStreamName(name),
        epoch,
        sessionId: SessionId(sessionId),
        ...(replacesSessionId !== undefined && { replacesSessionId: SessionId(replacesSessionId) }),
      });
      return {};
    }, report),
    takeOverPull: unary(async ({ routerId, focus, stream, replacesSessionId }) => {
      await takeOverPull({
        routerId,
        focus,
        name: parseStreamName(stream),
        replacesSessionId: SessionId(replacesSessionId),
      });
      return {};
    }, report),
  };
  return [RelayPeerService, server];
}

async function* parsed<Message>(
  messages: AsyncIterable<Message>,
  parse: (message: Message) => Message,
): AsyncGenerator<Message> {
  for await (const message of messages) yield parse(message);
}
