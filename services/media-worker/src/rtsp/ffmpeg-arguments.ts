import type { CameraTrack } from '../domain/ingests/camera-description.js';
import type { RtpTarget } from '../domain/ingests/camera.js';

/** Fits, with all headers that are added later, into what every network carries. */
const PACKET_BYTES = 1_200;
const AUDIO_BITRATE = '48k';
/** How long ffmpeg looks at its input before it begins: the parameters are in the description. */
const ANALYSE_US = '1000000';
const ANALYSE_BYTES = '1000000';
const SILENT_US = '15000000';

/**
 * What ffmpeg is told: the video as it is, its parameter sets again before every keyframe, since
 * whoever joins later has seen none; audio as Opus. Nothing in it comes from a user.
 */
export function ffmpegArguments(
  input: string,
  tracks: readonly CameraTrack[],
  targets: readonly RtpTarget[],
): string[] {
  return [
    ...['-nostdin', '-hide_banner', '-loglevel', 'error'],
    ...['-protocol_whitelist', 'rtsp,rtp,tcp,udp', '-rtsp_transport', 'tcp'],
    ...['-timeout', SILENT_US, '-analyzeduration', ANALYSE_US, '-probesize', ANALYSE_BYTES],
    ...['-fflags', '+nobuffer', '-i', input],
    ...targets.flatMap((target) => [
      ...codecOf(
        target,
        tracks.find(({ kind }) => kind === target.kind),
      ),
      ...['-payload_type', String(target.payloadType), '-ssrc', String(target.ssrc)],
      ...['-f', 'rtp', urlOf(target)],
    ]),
  ];
}

function codecOf({ kind }: RtpTarget, track: CameraTrack | undefined): string[] {
  if (kind === 'video') {
    return ['-map', '0:v:0', '-c:v', 'copy', '-bsf:v', 'dump_extra=freq=keyframe'];
  }
  if (/^OPUS\/48000/i.test(track?.encoding ?? '')) return ['-map', '0:a:0', '-c:a', 'copy'];
  const opus = ['-c:a', 'libopus', '-b:a', AUDIO_BITRATE, '-ar', '48000', '-ac', '2'];
  return ['-map', '0:a:0', ...opus];
}

function urlOf({ ip, rtpPort, rtcpPort }: RtpTarget): string {
  const packetSize = String(PACKET_BYTES);
  return `rtp://${ip}:${String(rtpPort)}?rtcpport=${String(rtcpPort)}&pkt_size=${packetSize}`;
}
