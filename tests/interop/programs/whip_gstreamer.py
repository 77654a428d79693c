"""Publishes over WHIP with GStreamer's webrtcbin, as Debian has it, until standard input ends."""

import sys
import time
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402

PIPELINE = """
  webrtcbin name=peer bundle-policy=max-bundle
  videotestsrc is-live=true ! video/x-raw,width=640,height=360,framerate=20/1 ! videoconvert
    ! vp8enc deadline=1 keyframe-max-dist=40 ! rtpvp8pay pt=96 picture-id-mode=2
    ! application/x-rtp,media=video,encoding-name=VP8,payload=96 ! peer.
  audiotestsrc is-live=true ! audioconvert ! opusenc ! rtpopuspay pt=97
    ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! peer.
"""


def promised(peer, signal, argument):
    promise = Gst.Promise.new()
    peer.emit(signal, argument, promise)
    promise.wait()
    return promise, promise.get_reply()


def has_ssrc(pad):
    caps = pad.get_current_caps()
    return caps is not None and caps.get_structure(0).has_field("ssrc")


def request(url, method, token, body=None):
    headers = {"Authorization": f"Bearer {token}"}
    if body is not None:
        headers["Content-Type"] = "application/sdp"
    data = None if body is None else body.encode()
    return urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method))


def main(endpoint, token):
    Gst.init(None)
    pipeline = Gst.parse_launch(PIPELINE)
    peer = pipeline.get_by_name("peer")
    pipeline.set_state(Gst.State.PLAYING)
    # An offer made before the payloaders have chosen their SSRCs says nothing of them.
    while not all(has_ssrc(pad) for pad in peer.sinkpads):
        time.sleep(0.02)
    _made, reply = promised(peer, "create-offer", None)
    offer = reply.get_value("offer")
    promised(peer, "set-local-description", offer)
    with request(endpoint, "POST", token, offer.sdp.as_text()) as response:
        _, message = GstSdp.SDPMessage.new_from_text(response.read().decode())
        resource = urllib.parse.urljoin(endpoint, response.headers["Location"])
    kind = GstWebRTC.WebRTCSDPType.ANSWER
    promised(peer, "set-remote-description", GstWebRTC.WebRTCSessionDescription.new(kind, message))
    sys.stdin.read()
    request(resource, "DELETE", token).close()
    pipeline.set_state(Gst.State.NULL)


main(*sys.argv[1:])
