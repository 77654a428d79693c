import { Negotiation } from '@sluice/sdp';
import type { Router, WebRtcServer } from 'mediasoup/types';

/** Produces what a client offers to send, and answers it. */
export async function publish(router: Router, webRtcServer: WebRtcServer, offer: string) {
  const transport = await router.createWebRtcTransport({ webRtcServer });
  const routerRtpCapabilities = router.rtpCapabilities;
  const negotiation = new Negotiation({ transport, routerRtpCapabilities });
  const { connect, added } = negotiation.receiveOffer(offer); // throws SdpError alone
  if (connect) await transport.connect({ dtlsParameters: connect });
  const producers = await Promise.all(
    added.map(({ kind, rtpParameters }) => transport.produce({ kind, rtpParameters })),
  );
  return { producers, answer: negotiation.answer() };
}
