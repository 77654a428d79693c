export interface VideoWanted {
  readonly width: number;
  readonly height: number;
  /** Number of simulcast layers, each half the size of the next; 1 for none. */
  readonly layers?: number;
  /** One stream of layers in place of simulcast. */
  readonly svc?: Svc;
}

export interface Svc {
  readonly codec: 'VP9' | 'AV1';
  readonly scalabilityMode: string;
  /** Whether the server is told of the mode. */
  readonly told: boolean;
}

/** How much the smallest layer may use; each larger one four times as much. */
const SMALLEST_LAYER_BPS = 120_000;

export async function openMedia(wanted: {
  readonly video?: VideoWanted | undefined;
  readonly audio?: boolean | undefined;
}): Promise<MediaStream> {
  if (!wanted.audio && !wanted.video) return new MediaStream();
  return navigator.mediaDevices.getUserMedia({
    audio: wanted.audio ?? false,
    video: wanted.video ? { width: wanted.video.width, height: wanted.video.height } : false,
  });
}

/** From the smallest to the full size. */
export function encodings(layers: number): RTCRtpEncodingParameters[] {
  return Array.from({ length: layers }, (_, index) => ({
    rid: `r${index}`,
    scaleResolutionDownBy: 2 ** (layers - 1 - index),
    maxBitrate: SMALLEST_LAYER_BPS * 4 ** index,
  }));
}

/** One stream; TypeScript's description of browsers knows no modes. */
export function layeredEncodings({ scalabilityMode }: Svc): RTCRtpEncodingParameters[] {
  const encoding: RTCRtpEncodingParameters & { scalabilityMode: string } = { scalabilityMode };
  return [encoding];
}

/** On a busy machine rather fewer pictures than smaller ones. */
export async function keepSize(sender: RTCRtpSender): Promise<void> {
  const parameters = { ...sender.getParameters(), degradationPreference: 'maintain-resolution' };
  await sender.setParameters(parameters as RTCRtpSendParameters);
}

/** The transceiver's codec, and the RTX that goes with it. */
export function prefer(codec: string, transceiver: RTCRtpTransceiver): void {
  const wanted = [`video/${codec}`, 'video/rtx'];
  const codecs = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
  transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => wanted.includes(mimeType)));
}

/** A moving picture of a given size that is no camera's: stands for a screen. */
export function paintedScreen(width: number, height: number): MediaStream {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  let frame = 0;
  setInterval(() => {
    if (!context) return;
    frame += 1;
    context.fillStyle = `hsl(${frame % 360} 80% 50%)`;
    context.fillRect(0, 0, width, height);
    context.fillStyle = 'black';
    context.fillText(String(frame), 10 + (frame % 50), 20);
  }, 66);
  const stream = canvas.captureStream(15);
  // As browsers treat a screen: rather fewer frames than smaller ones.
  for (const track of stream.getTracks()) track.contentHint = 'detail';
  return stream;
}

/** Plays a track, without which browsers do not decode it. */
export function play(track: MediaStreamTrack): void {
  const element = document.createElement(track.kind === 'audio' ? 'audio' : 'video');
  element.autoplay = true;
  element.srcObject = new MediaStream([track]);
  document.body.append(element);
  track.addEventListener('ended', () => element.remove());
  void element.play().catch(() => undefined);
}
