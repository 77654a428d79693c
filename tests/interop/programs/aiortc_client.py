"""A client made of aiortc, as Debian has it."""

import asyncio
import fractions
import math
import struct

import aiortc
from aiortc import (
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack

from dialect import Dialect, serve, without_udp


class Tone(AudioStreamTrack):
    """440 Hz, where the base class has silence."""

    _position = 0

    async def recv(self):
        frame = await super().recv()
        samples = [
            int(8000 * math.sin(2 * math.pi * 440 * (self._position + index) / frame.sample_rate))
            for index in range(frame.samples)
        ]
        self._position += frame.samples
        frame.planes[0].update(struct.pack(f"<{frame.samples}h", *samples))
        return frame


class Client:
    def __init__(self):
        self._dialect = Dialect(self._answer)
        self._configuration = None
        self._publishing = None
        self._wanted = {}
        self._watching = {}
        self._tcp_only = set()
        self._received = {"decodedFrames": 0, "audio": 0}
        self._tasks = []
        self._channels = []
        self._heard = []

    async def connect(self, url, token, relay=None):
        if relay:
            self._configuration = relayed(relay)
        await self._dialect.connect(url, token)

    async def join(self, room):
        return {"node": await self._dialect.join(room)}

    async def publish(self, room, audio=False, video=None, dataChannel=False, tcpOnly=False):
        self._publishing = RTCPeerConnection(self._configuration)
        self._wanted = {"video": video, "tcp_only": tcpOnly}
        if audio:
            self._add("audio")
        if video:
            self._add("video")
        if dataChannel:
            self._talk_on(self._publishing.createDataChannel("talk", protocol="interop"))
        return await self._offer()

    async def add(self, kind):
        self._add(kind)
        return await self._offer()

    async def stop(self, kind):
        # What is stopped by stop() goes on in the offers of this version.
        for transceiver in self._publishing.getTransceivers():
            if transceiver.kind == kind:
                transceiver.direction = "inactive"
        return await self._offer()

    async def subscribe(self, room, publisher, tcpOnly=False):
        if tcpOnly:
            self._tcp_only.add(publisher)
        await self._dialect.request(type="subscribe-request", publisherId=publisher)

    async def received(self):
        return {"received": self._received}

    async def talk(self, say=(), hush=False):
        for message in say:
            for channel in self._channels:
                if channel.readyState == "open":
                    text = message.get("text")
                    channel.send(bytes(message["bytes"]) if text is None else text)
        if hush:
            for channel in self._channels:
                channel.close()
        open_ones = [one for one in self._channels if one.readyState == "open"]
        names = [f"{one.label}/{one.protocol}" for one in open_ones]
        return {"talk": {"heard": self._heard, "open": names}}

    async def close(self):
        for task in self._tasks:
            task.cancel()
        await self._dialect.close()
        for connection in [self._publishing, *self._watching.values()]:
            if connection:
                await connection.close()

    def _add(self, kind):
        for transceiver in self._publishing.getTransceivers():
            if transceiver.kind == kind and transceiver.direction == "inactive":
                transceiver.direction = "sendonly"
                return
        track = Tone() if kind == "audio" else VideoStreamTrack()
        transceiver = self._publishing.addTransceiver(track, direction="sendonly")
        if kind == "video" and self._wanted["video"]:
            wanted = f"video/{self._wanted['video']}".lower()
            codecs = RTCRtpSender.getCapabilities("video").codecs
            chosen = [codec for codec in codecs if codec.mimeType.lower() in (wanted, "video/rtx")]
            transceiver.setCodecPreferences(chosen)

    async def _offer(self):
        connection = self._publishing
        await connection.setLocalDescription(await connection.createOffer())
        offer = connection.localDescription.sdp
        reply = await self._dialect.request(type="publish-offer", offer=offer)
        answer = reply["answer"]
        sdp = without_udp(answer) if self._wanted["tcp_only"] else answer
        await connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        return {"offer": offer, "answer": answer}

    async def _answer(self, publisher, offer):
        connection = self._watching.get(publisher)
        if connection is None:
            connection = self._watching[publisher] = RTCPeerConnection(self._configuration)
            connection.on("track", lambda track: self._consume(track))
            connection.on("datachannel", lambda channel: self._talk_on(channel))
        sdp = without_udp(offer) if publisher in self._tcp_only else offer
        await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        return connection.localDescription.sdp

    def _talk_on(self, channel):
        def hear(message):
            text = isinstance(message, str)
            self._heard.append(f"text:{message}" if text else f"binary:{len(message)}")

        self._channels.append(channel)
        channel.on("message", hear)

    def _consume(self, track):
        async def count():
            what = "decodedFrames" if track.kind == "video" else "audio"
            try:
                while True:
                    await track.recv()
                    self._received[what] += 1
            except MediaStreamError:
                pass

        self._tasks.append(asyncio.create_task(count()))


def relayed(relay):
    url = f"turn:{relay['host']}:{relay['port']}?transport=udp"
    server = RTCIceServer(url, username=relay["username"], credential=relay["password"])
    return RTCConfiguration([server])


asyncio.run(serve(Client(), f"aiortc {aiortc.__version__}"))
