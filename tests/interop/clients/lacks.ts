/** Why an implementation cannot play a row, by the row's name. */
export type Lacks = Readonly<Record<string, string>>;

const CHROMIUM: Lacks = {
  'publish simulcast by SSRCs': 'Chromium 156 sends one layer of an offer that is rewritten so',
};

const FIREFOX: Lacks = {
  'publish simulcast by SSRCs': 'Firefox sends simulcast by rid alone',
  'publish H264': 'Firefox downloads its H.264 encoder (OpenH264), Debian has none for it',
  'publish over IPv6 on loopback': 'ICE of Firefox finds no way to ::1',
  'subscribe over IPv6 on loopback': 'ICE of Firefox finds no way to ::1',
};

const AIORTC_UDP_ALONE = 'the ICE of aiortc has UDP alone';
const AIORTC: Lacks = {
  'publish VP9': 'aiortc 1.4 has VP8 and H.264 alone',
  'publish AV1': 'aiortc 1.4 has VP8 and H.264 alone',
  'publish simulcast': 'aiortc sends none',
  'publish simulcast by SSRCs': 'aiortc sends none',
  'restart ICE': 'aiortc restarts no ICE',
  'restart ICE on another network': 'aiortc restarts no ICE',
  'publish over TCP': AIORTC_UDP_ALONE,
  'subscribe over TCP': AIORTC_UDP_ALONE,
  'publish with UDP blocked': AIORTC_UDP_ALONE,
};

const GSTREAMER: Lacks = {
  'publish AV1': 'Debian 12 has no RTP payloader of GStreamer for AV1',
  'publish simulcast': 'webrtcbin 1.22 offers none',
  'publish simulcast by SSRCs': 'webrtcbin 1.22 offers none',
  'stop a track and re-use its m-line':
    'webrtcbin 1.22 says “transceiver direction changes are not implemented”',
  'restart ICE': 'webrtcbin 1.22 restarts no ICE',
  'restart ICE on another network': 'webrtcbin 1.22 restarts no ICE',
};

const WRTC: Lacks = { 'publish H264': 'it is built without H.264' };

const WERIFT_RESTARTS_NOT = 'werift 0.25 begins no new checks once DTLS is connected';
const WERIFT: Lacks = {
  'restart ICE': WERIFT_RESTARTS_NOT,
  'restart ICE on another network': WERIFT_RESTARTS_NOT,
  'publish AV1': 'the test has no AV1 encoder that gives RTP to werift',
  'publish simulcast': 'werift sends none',
  'publish simulcast by SSRCs': 'werift sends none',
};

const LIBJUICE_UDP_ALONE = 'the ICE of libdatachannel’s npm package (libjuice) has UDP alone';
const LIBDATACHANNEL: Lacks = {
  'publish AV1': 'the test has no AV1 encoder that gives RTP to libdatachannel',
  'publish simulcast': 'libdatachannel offers none',
  'publish simulcast by SSRCs': 'libdatachannel offers none',
  'publish over TCP': LIBJUICE_UDP_ALONE,
  'subscribe over TCP': LIBJUICE_UDP_ALONE,
  'publish with UDP blocked': LIBJUICE_UDP_ALONE,
  'stop a track and re-use its m-line': 'libdatachannel stops no track and keeps the rest',
  'restart ICE': 'libdatachannel restarts no ICE',
  'restart ICE on another network': 'libdatachannel restarts no ICE',
};

export const LACKS = {
  chromium: CHROMIUM,
  firefox: FIREFOX,
  aiortc: AIORTC,
  gstreamer: GSTREAMER,
  wrtc: WRTC,
  werift: WERIFT,
  libdatachannel: LIBDATACHANNEL,
} as const;
