"""Plays over WHEP with aiortc, as Debian has it, and says once a second what it has decoded."""

import asyncio
import json
import sys

import aiohttp
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

decoded = {"audio": 0, "video": 0}


async def count(track):
    try:
        while True:
            await track.recv()
            decoded[track.kind] += 1
    except MediaStreamError:
        pass


async def main(endpoint, token):
    connection = RTCPeerConnection()
    connection.on("track", lambda track: asyncio.ensure_future(count(track)))
    for kind in ("audio", "video"):
        connection.addTransceiver(kind, direction="recvonly")
    await connection.setLocalDescription(await connection.createOffer())
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
    async with aiohttp.ClientSession(headers=headers) as session:
        offer = connection.localDescription.sdp
        async with session.post(endpoint, data=offer) as response:
            response.raise_for_status()
            answer = RTCSessionDescription(await response.text(), "answer")
        await connection.setRemoteDescription(answer)
    while True:
        print(json.dumps(decoded), flush=True)
        await asyncio.sleep(0.5)


asyncio.run(main(*sys.argv[1:]))
