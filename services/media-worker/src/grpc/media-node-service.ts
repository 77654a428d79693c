import { SluiceError } from '@sluice/core';
import { bidiStream, manyWatches, serverStream, unary, type ReportError } from '@sluice/grpc-kit';
import type { MediaNodeServer } from '@sluice/proto-gen/media_node';
import { SdpError } from '@sluice/sdp';
import { mediaNodeMethods, type MediaNodeMethodsOptions } from './media-node-methods.js';

/** Of all sessions that a gateway watches: all may be told to move at once. */
const UNSENT_EVENTS_MAX = 50_000;

export interface MediaNodeServiceOptions extends MediaNodeMethodsOptions {
  readonly report: ReportError;
  /** Starts a measurement of one call; what it returns ends it. */
  readonly measure: (method: string) => () => void;
}

/** The MediaNode service. */
export function mediaNodeService(options: MediaNodeServiceOptions): MediaNodeServer {
  const { report, measure } = options;
  const methods = mediaNodeMethods(options);
  const call = <Req, Res>(name: string, method: (request: Req) => Promise<Res> | Res) =>
    unary(async (request: Req) => {
      const end = measure(name);
      try {
        return await method(request);
      } catch (error) {
        throw fromSdpError(error);
      } finally {
        end();
      }
    }, report);
  return {
    watchSession: serverStream(methods.watchSession, report),
    watchSessions: bidiStream(manyWatches(methods.watchSession), report, UNSENT_EVENTS_MAX),
    openSession: call('openSession', methods.openSession),
    openDataChannelClient: call('openDataChannelClient', methods.openDataChannelClient),
    closeSession: call('closeSession', methods.closeSession),
    setPresence: call('setPresence', methods.setPresence),
    publish: call('publish', methods.publish),
    negotiate: call('negotiate', methods.negotiate),
    setMuted: call('setMuted', methods.setMuted),
    unpublish: call('unpublish', methods.unpublish),
    subscribe: call('subscribe', methods.subscribe),
    offerConnection: call('offerConnection', methods.offerConnection),
    subscribeByOffer: call('subscribeByOffer', methods.subscribeByOffer),
    answerSubscription: call('answerSubscription', methods.answerSubscription),
    unsubscribe: call('unsubscribe', methods.unsubscribe),
    setLayers: call('setLayers', methods.setLayers),
    restartIce: call('restartIce', methods.restartIce),
    updateIce: call('updateIce', methods.updateIce),
    addIceCandidate: call('addIceCandidate', methods.addIceCandidate),
    drain: call('drain', methods.drain),
    undrain: call('undrain', methods.undrain),
    startIngest: call('startIngest', methods.startIngest),
    stopIngest: call('stopIngest', methods.stopIngest),
    getState: call('getState', methods.getState),
    getSessionStats: call('getSessionStats', methods.getSessionStats),
  };
}

/** What the SDP library refuses is its sender's mistake; its messages quote nothing of the SDP. */
function fromSdpError(error: unknown): unknown {
  if (!(error instanceof SdpError)) return error;
  const code = (
    {
      MALFORMED: 'INVALID_ARGUMENT',
      UNSUPPORTED: 'INVALID_ARGUMENT',
      TOO_LARGE: 'TOO_LARGE',
      WRONG_STATE: 'INVALID_STATE',
    } as const
  )[error.code];
  return new SluiceError(code, error.message, {}, { cause: error });
}
