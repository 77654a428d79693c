import * as werift from 'werift';
import type { Kind, VideoCodec } from '../page/commands.js';
import { RtcClient } from '../page/rtc-client.js';
import { Decoder, encode, type RtpCodec } from './rtp-media.js';
import { serve, versionOf } from './serve.js';

const CODECS = {
  audio: [werift.useOPUS()],
  video: [werift.useVP8(), werift.useVP9(), werift.useH264()],
};
const decoders: Decoder[] = [];

/** Its interfaces are the W3C's, without being declared so. */
class RTCPeerConnection extends werift.RTCPeerConnection {
  constructor(configuration: werift.RTCPeerConnectionConfig) {
    super({
      iceServers: [],
      bundlePolicy: 'max-bundle',
      iceUseTcp: true,
      ...configuration,
      codecs: CODECS,
    });
  }
}

Object.assign(globalThis, {
  RTCPeerConnection,
  RTCRtpSender: { getCapabilities: (kind: Kind) => ({ codecs: CODECS[kind] }) },
});

const client = new RtcClient({
  open: async (kind, codec) => {
    const track = new werift.MediaStreamTrack({ kind });
    await encode(sent(kind, codec), (packet) => track.writeRtp(packet));
    return new werift.MediaStream([track]) as unknown as MediaStream;
  },
  play: (given) => {
    const track = given as unknown as werift.MediaStreamTrack;
    let decoder: Decoder | undefined;
    track.onReceiveRtp.subscribe((packet) => {
      if (!decoder) {
        const codec = track.kind === 'audio' ? 'OPUS' : 'VP8';
        decoder = new Decoder(codec, packet.header.payloadType);
        decoders.push(decoder);
      }
      void decoder.decode(packet.serialize());
    });
  },
  received: () => ({
    decodedFrames: framesOf('VP8'),
    audio: framesOf('OPUS'),
  }),
});

function framesOf(codec: RtpCodec): number {
  const some = decoders.filter((decoder) => decoder.codec === codec);
  return some.reduce((sum, { frames }) => sum + frames, 0);
}

function sent(kind: Kind, codec: VideoCodec | undefined): RtpCodec {
  if (kind === 'audio') return 'OPUS';
  if (codec === 'AV1') throw new Error('there is no AV1');
  return codec ?? 'VP8';
}

await serve(versionOf('werift'), (command) => client.run(command));
