"""SFU-to-SFU spoken by aiortc, as that system's code speaks it: the client opens the channel, and
offers both to publish and to receive.

client URL TOKEN CALL DEVICE WATCHED   publishes as DEVICE and watches WATCHED, once it is there
server                                 another server, which has a stream of each call's `camera`

Says what happens, one JSON object a line.
"""

import asyncio
import json
import sys

import aiohttp
from aiohttp import web
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack

PURPOSE = "m.usermedia"
state = {"port": 0, "answered": "", "error": "", "audio": 0, "video": 0}
tasks = set()


def start(coroutine):
    task = asyncio.ensure_future(coroutine)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def report():
    while True:
        print(json.dumps(state), flush=True)
        await asyncio.sleep(0.3)


async def count(track):
    try:
        while True:
            await track.recv()
            state[track.kind] += 1
    except MediaStreamError:
        pass


class Requests:
    """What is asked over the channel, one thing after the other."""

    def __init__(self, connection, channel):
        self._connection = connection
        self._channel = channel
        self._heard = asyncio.Queue()
        channel.on("message", lambda text: self._heard.put_nowait(json.loads(text)))

    async def offer(self, event, keys):
        connection = self._connection
        await connection.setLocalDescription(await connection.createOffer())
        while True:
            request = {"event": event, "id": event, **keys}
            request["sdp"] = connection.localDescription.sdp
            self._channel.send(json.dumps(request))
            reply = await self._heard.get()
            if reply["event"] != "error":
                break
            # The same offer again: a refused one leaves the negotiation as it was.
            state["error"] = reply["message"]
            await asyncio.sleep(0.3)
        await connection.setRemoteDescription(RTCSessionDescription(reply["sdp"], "answer"))
        state["answered"] += f"{event} "


async def client(url, token, call, device, watched):
    connection = RTCPeerConnection()
    channel = connection.createDataChannel("signaling")
    opened = asyncio.Event()
    channel.on("open", opened.set)
    connection.on("track", lambda track: start(count(track)))
    requests = Requests(connection, channel)
    await connection.setLocalDescription(await connection.createOffer())
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(url, data=connection.localDescription.sdp) as response:
            response.raise_for_status()
            answer = RTCSessionDescription(await response.text(), "answer")
    await connection.setRemoteDescription(answer)
    await opened.wait()
    for track in (AudioStreamTrack(), VideoStreamTrack()):
        connection.addTransceiver(track, direction="sendonly")
    await requests.offer("publish", {"call_id": call, "device_id": device, "purpose": PURPOSE})
    for kind in ("audio", "video"):
        connection.addTransceiver(kind, direction="recvonly")
    await requests.offer("subscribe", {"call_id": call, "device_id": watched, "purpose": PURPOSE})
    await asyncio.Event().wait()


async def answer_request(connection, channel, text):
    request = json.loads(text)
    if request["event"] != "subscribe" or request["device_id"] != "camera":
        reply = {**request, "event": "error", "message": "No Such Stream", "sdp": ""}
        channel.send(json.dumps(reply))
        return
    for track in (AudioStreamTrack(), VideoStreamTrack()):
        connection.addTrack(track)
    await connection.setRemoteDescription(RTCSessionDescription(request["sdp"], "offer"))
    await connection.setLocalDescription(await connection.createAnswer())
    channel.send(json.dumps({**request, "sdp": connection.localDescription.sdp}))
    state["answered"] += "subscribe "


async def create_session(request):
    connection = RTCPeerConnection()

    @connection.on("datachannel")
    def on_datachannel(channel):
        channel.on("message", lambda text: start(answer_request(connection, channel, text)))

    @connection.on("connectionstatechange")
    async def on_state():
        if connection.connectionState in ("failed", "closed"):
            await connection.close()

    offer = RTCSessionDescription(await request.text(), "offer")
    await connection.setRemoteDescription(offer)
    await connection.setLocalDescription(await connection.createAnswer())
    return web.Response(text=connection.localDescription.sdp)


async def server():
    app = web.Application()
    app.router.add_post("/createSession", create_session)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    state["port"] = runner.addresses[0][1]
    await asyncio.Event().wait()


async def main(role, *arguments):
    start(report())
    await {"client": client, "server": server}[role](*arguments)


asyncio.run(main(*sys.argv[1:]))
