"""RTP for implementations that bring no media of their own: encodes, or decodes and counts.

`source <codec> <port>` sends RTP to a port of loopback; `sink <codec> <payload type>` says on which
port it receives and, after each frame it has decoded, how many there were.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gio, GLib, Gst  # noqa: E402

CAMERA = (
    "videotestsrc is-live=true ! video/x-raw,width=640,height=480,framerate=20/1 ! videoconvert ! "
)
SOURCES = {
    "OPUS": "audiotestsrc is-live=true ! audioconvert ! opusenc ! rtpopuspay",
    "VP8": CAMERA + "vp8enc deadline=1 keyframe-max-dist=20 ! rtpvp8pay picture-id-mode=2",
    "VP9": CAMERA
    + "vp9enc deadline=1 cpu-used=8 keyframe-max-dist=20 ! rtpvp9pay picture-id-mode=2",
    "H264": CAMERA
    + "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=20"
    " ! video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1",
}
SINKS = {
    "OPUS": ("audio", 48000, "rtpopusdepay ! opusdec"),
    "VP8": ("video", 90000, "rtpvp8depay ! vp8dec"),
}


def source(codec, port):
    return Gst.parse_launch(f"{SOURCES[codec]} mtu=1100 ! udpsink host=127.0.0.1 port={port}")


def sink(codec, payload_type):
    kind, clock_rate, decoder = SINKS[codec]
    caps = f"application/x-rtp,media={kind},clock-rate={clock_rate},encoding-name={codec}"
    pipeline = Gst.parse_launch(
        f"udpsrc name=in address=127.0.0.1 port=0 caps={caps},payload={payload_type}"
        f" ! rtpjitterbuffer latency=100 ! {decoder}"
        " ! fakesink name=out signal-handoffs=true sync=false"
    )
    count = 0

    def counted(*_):
        nonlocal count
        count += 1
        print(count, flush=True)

    pipeline.get_by_name("out").connect("handoff", counted)
    pipeline.set_state(Gst.State.PLAYING)
    pipeline.get_state(Gst.SECOND)
    socket: Gio.Socket = pipeline.get_by_name("in").get_property("used-socket")
    print(socket.get_local_address().get_port(), flush=True)
    return pipeline


Gst.init(None)
_, role, codec, number = sys.argv
pipeline = (source if role == "source" else sink)(codec, number)
pipeline.set_state(Gst.State.PLAYING)
loop = GLib.MainLoop()
# It ends with its standard input.
GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IOCondition.HUP, lambda *_: loop.quit())
loop.run()
pipeline.set_state(Gst.State.NULL)
