import type {
  Consumer,
  ConsumerOptions,
  PipeTransport,
  Producer,
  RtpCapabilities,
} from 'mediasoup/types';

/** What every transport but the PipeTransport offers, and that one inherits. */
interface AnyTransport {
  consume?: (options: ConsumerOptions) => Promise<Consumer>;
}

/** Belong to one transport, or to bandwidth estimation, which pipes do without. */
const NOT_OVER_PIPES = new Set([
  'urn:ietf:params:rtp-hdrext:sdes:mid',
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
]);

/** Its layers are told apart by a header extension that only `PipeTransport.consume()` adds. */
const NEEDS_DEPENDENCY_DESCRIPTOR = new Set(['video/av1']);

/**
 * A pipe consumer that is paused from the start. `PipeTransport.consume()` knows no such thing and
 * asks the publisher for a keyframe at once; browsers then ignore the next request for 300 ms, which
 * is the one that the first viewer makes when it can receive. So the PipeTransport's parent class
 * does it, where the codec allows; otherwise the consumer is not paused yet.
 */
export function consumeForPipe(
  transport: PipeTransport,
  producer: Producer,
  routerCapabilities: () => RtpCapabilities,
): Promise<Consumer> {
  const { consume } = parentOf(transport);
  const mimeType = producer.rtpParameters.codecs[0]?.mimeType.toLowerCase() ?? '';
  if (!consume || NEEDS_DEPENDENCY_DESCRIPTOR.has(mimeType)) {
    return transport.consume({ producerId: producer.id });
  }
  // Retransmission is for pipes that cross a network: those are encrypted as well.
  const enableRtx = transport.srtpParameters !== undefined;
  return consume.call(transport, {
    producerId: producer.id,
    rtpCapabilities: pipeCapabilities(routerCapabilities(), enableRtx),
    pipe: true,
    paused: true,
    enableRtx,
  });
}

function parentOf(transport: PipeTransport): AnyTransport {
  const own = Object.getPrototypeOf(transport) as object;
  return (Object.getPrototypeOf(own) ?? {}) as AnyTransport;
}

/** What `PipeTransport.consume()` would let through. */
function pipeCapabilities(router: RtpCapabilities, enableRtx: boolean): RtpCapabilities {
  const feedback = enableRtx ? ['nack', 'nack pli', 'ccm fir'] : ['nack pli', 'ccm fir'];
  return {
    codecs: (router.codecs ?? []).map((codec) => ({
      ...codec,
      rtcpFeedback: (codec.rtcpFeedback ?? []).filter(({ type, parameter }) =>
        feedback.includes(parameter ? `${type} ${parameter}` : type),
      ),
    })),
    headerExtensions: (router.headerExtensions ?? []).filter(({ uri }) => !NOT_OVER_PIPES.has(uri)),
  };
}
