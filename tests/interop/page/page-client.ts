import { RtcClient } from './rtc-client.js';

declare global {
  interface Window {
    interop: RtcClient;
  }
}

window.interop = new RtcClient({
  open: (kind) =>
    navigator.mediaDevices.getUserMedia(
      kind === 'audio' ? { audio: true } : { video: { width: 640, height: 480 } },
    ),
  play: (track) => {
    const element = document.createElement(track.kind === 'audio' ? 'audio' : 'video');
    element.autoplay = true;
    element.srcObject = new MediaStream([track]);
    document.body.append(element);
    void element.play().catch(() => undefined);
  },
});
