"""A client made of GStreamer's webrtcbin, as Debian has it."""

import asyncio
import re

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

from dialect import Dialect, serve, without_udp  # noqa: E402

SOURCES = {
    "audio": "audiotestsrc is-live=true ! audioconvert ! opusenc ! rtpopuspay pt=109"
    " ! application/x-rtp,media=audio,encoding-name=OPUS,payload=109",
    "VP8": "vp8enc deadline=1 keyframe-max-dist=60 ! rtpvp8pay pt=101 picture-id-mode=2"
    " ! application/x-rtp,media=video,encoding-name=VP8,payload=101",
    "VP9": "vp9enc deadline=1 cpu-used=8 keyframe-max-dist=60 ! rtpvp9pay pt=102 picture-id-mode=2"
    " ! application/x-rtp,media=video,encoding-name=VP9,payload=102",
    "H264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=60"
    " ! video/x-h264,profile=constrained-baseline"
    " ! rtph264pay pt=103 config-interval=-1 aggregate-mode=zero-latency"
    " ! application/x-rtp,media=video,encoding-name=H264,payload=103",
}
REPLIES = []
Direction = GstWebRTC.WebRTCRTPTransceiverDirection
KINDS = {"audio": GstWebRTC.WebRTCKind.AUDIO, "video": GstWebRTC.WebRTCKind.VIDEO}
DECODERS = {"OPUS": "rtpopusdepay ! opusdec", "VP8": "rtpvp8depay ! vp8dec"}
CAMERA = "videotestsrc is-live=true ! video/x-raw,width=640,height=480,framerate=20/1 ! videoconvert"


class Client:
    def __init__(self):
        self._dialect = Dialect(self._answer)
        self._relay = None
        self._publishing = None
        self._wanted = {}
        self._watching = {}
        self._tcp_only = set()
        self._received = {"decodedFrames": 0, "audio": 0}
        self._channels = []
        self._heard = []

    async def connect(self, url, token, relay=None):
        self._relay = relay
        await self._dialect.connect(url, token)

    async def join(self, room):
        return {"node": await self._dialect.join(room)}

    async def publish(self, room, audio=False, video=None, dataChannel=False, tcpOnly=False):
        self._wanted = {"video": video, "tcp_only": tcpOnly}
        parts = ["webrtcbin name=peer bundle-policy=max-bundle"]
        parts += [f"{source(kind, video)} ! peer." for kind, on in
                  (("audio", audio), ("video", video)) if on]
        # An element by itself would not be in a pipeline.
        self._publishing = Gst.parse_launch(f"pipeline. ( {' '.join(parts)} )")
        peer = self._publishing.get_by_name("peer")
        self._configure(peer)
        self._publishing.set_state(Gst.State.PLAYING)
        for transceiver in transceivers(peer):
            transceiver.set_property("direction", Direction.SENDONLY)
        if dataChannel:
            options = Gst.Structure.from_string("options, protocol=(string)interop")[0]
            self._talk_on(peer.emit("create-data-channel", "talk", options))
        return await self._offer()

    async def add(self, kind):
        peer = self._publishing.get_by_name("peer")
        stopped = [one for one in transceivers(peer) if is_stopped(one, kind)]
        if stopped:
            stopped[0].set_property("direction", Direction.SENDONLY)
            return await self._offer()
        part = Gst.parse_bin_from_description(
            f"{source(kind, self._wanted['video'])} ! identity", True
        )
        self._publishing.add(part)
        part.link(peer)
        part.sync_state_with_parent()
        transceivers(peer)[-1].set_property("direction", Direction.SENDONLY)
        return await self._offer()

    async def stop(self, kind):
        for one in transceivers(self._publishing.get_by_name("peer")):
            if one.get_property("kind") == KINDS[kind]:
                one.set_property("direction", Direction.INACTIVE)
        return await self._offer()

    async def subscribe(self, room, publisher, tcpOnly=False):
        if tcpOnly:
            self._tcp_only.add(publisher)
        await self._dialect.request(type="subscribe-request", publisherId=publisher)

    async def received(self):
        return {"received": self._received}

    async def talk(self, say=(), hush=False):
        for message in say:
            for channel in self._open_channels():
                if "text" in message:
                    channel.emit("send-string", message["text"])
                else:
                    channel.emit("send-data", GLib.Bytes.new(bytes(message["bytes"])))
        if hush:
            for channel in self._channels:
                channel.emit("close")
        names = [
            f"{one.get_property('label')}/{one.get_property('protocol')}"
            for one in self._open_channels()
        ]
        return {"talk": {"heard": self._heard, "open": names}}

    async def close(self):
        await self._dialect.close()
        for pipeline in [self._publishing, *self._watching.values()]:
            if pipeline:
                pipeline.set_state(Gst.State.NULL)

    def _talk_on(self, channel):
        # Empty messages come as nothing.
        self._channels.append(channel)
        channel.connect("on-message-string", lambda _, text: self._heard.append(f"text:{text or ''}"))
        channel.connect(
            "on-message-data",
            lambda _, data: self._heard.append(f"binary:{data.get_size() if data else 0}"),
        )

    def _open_channels(self):
        opened = GstWebRTC.WebRTCDataChannelState.OPEN
        return [one for one in self._channels if one.get_property("ready-state") == opened]

    def _configure(self, peer):
        if self._relay:
            peer.set_property(
                "turn-server", "turn://{username}:{password}@{host}:{port}".format(**self._relay)
            )
            peer.set_property("ice-transport-policy", GstWebRTC.WebRTCICETransportPolicy.RELAY)

    async def _offer(self):
        peer = self._publishing.get_by_name("peer")
        # An offer made before the payloaders have chosen their SSRCs says nothing of them.
        while not all(has_ssrc(pad) for pad in peer.sinkpads):
            await asyncio.sleep(0.02)
        made = (await promised(peer, "create-offer", None)).get_value("offer")
        await promised(peer, "set-local-description", made)
        offer = made.sdp.as_text()
        answer = (await self._dialect.request(type="publish-offer", offer=offer))["answer"]
        sdp = without_udp(answer) if self._wanted["tcp_only"] else answer
        await promised(peer, "set-remote-description", description("ANSWER", sdp))
        return {"offer": offer, "answer": answer}

    async def _answer(self, publisher, offer):
        pipeline = self._watching.get(publisher)
        if pipeline is None:
            pipeline = self._watching[publisher] = Gst.Pipeline.new()
            peer = Gst.ElementFactory.make("webrtcbin", "peer")
            peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
            self._configure(peer)
            peer.connect("pad-added", self._on_pad, pipeline)
            peer.connect("on-data-channel", lambda _, channel: self._talk_on(channel))
            peer.connect("on-new-transceiver", lambda _, one: one.set_property("do-nack", True))
            pipeline.add(peer)
            pipeline.set_state(Gst.State.PLAYING)
        peer = pipeline.get_by_name("peer")
        sdp = without_udp(offer) if publisher in self._tcp_only else offer
        await promised(peer, "set-remote-description", description("OFFER", sdp))
        made = (await promised(peer, "create-answer", None)).get_value("answer")
        await promised(peer, "set-local-description", made)
        return made.sdp.as_text()

    def _on_pad(self, _peer, pad, pipeline):
        if pad.direction != Gst.PadDirection.SRC:
            return
        codec = pad.get_current_caps().get_structure(0).get_string("encoding-name")
        sink = Gst.parse_bin_from_description(
            f"{DECODERS[codec]} ! fakesink name=sink signal-handoffs=true sync=false", True
        )
        what = "audio" if codec == "OPUS" else "decodedFrames"

        def count(*_):
            self._received[what] += 1

        sink.get_by_name("sink").connect("handoff", count)
        pipeline.add(sink)
        pad.link(sink.get_static_pad("sink"))
        sink.sync_state_with_parent()


def source(kind, codec):
    return SOURCES["audio"] if kind == "audio" else f"{CAMERA} ! {SOURCES[codec or 'VP8']}"


def transceivers(peer):
    found = []
    while (one := peer.emit("get-transceiver", len(found))) is not None:
        found.append(one)
    return found


def is_stopped(one, kind):
    return (
        one.get_property("kind") == KINDS[kind]
        and one.get_property("direction") == Direction.INACTIVE
    )


def has_ssrc(pad):
    caps = pad.get_current_caps()
    return caps is not None and caps.get_structure(0).has_field("ssrc")


def description(kind, sdp):
    _, message = GstSdp.SDPMessage.new_from_text(sdp)
    return GstWebRTC.WebRTCSessionDescription.new(getattr(GstWebRTC.WebRTCSDPType, kind), message)



async def promised(peer, signal, argument):
    promise = Gst.Promise.new()
    peer.emit(signal, argument, promise)
    await asyncio.get_running_loop().run_in_executor(None, promise.wait)
    reply = promise.get_reply()
    # What is in a reply lives no longer than the reply and its promise.
    REPLIES.append((promise, reply))
    if reply and reply.has_field("error"):
        raise RuntimeError(f"{signal}: {reply.get_value('error').message}")
    return reply


Gst.init(None)
asyncio.run(serve(Client(), re.sub(r"^GStreamer", "GStreamer webrtcbin", Gst.version_string())))
