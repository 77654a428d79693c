"""The main dialect, and the commands of the test that drives a client, for clients in Python."""

import asyncio
import json
import re
import sys

import websockets


class Dialect:
    """A connection to a gateway. `on_offer` makes an answer of a publisher and an offer."""

    def __init__(self, on_offer):
        self._on_offer = on_offer
        self._replies = {}
        self._last_id = 0
        self.room = None

    async def connect(self, url, token):
        self._socket = await websockets.connect(url)
        await self._socket.send(json.dumps({"type": "auth", "token": token}))
        first = json.loads(await self._socket.recv())
        if first["type"] != "authenticated":
            raise RuntimeError(f"not authenticated: {first}")
        self._reading = asyncio.create_task(self._read())

    async def request(self, **message):
        self._last_id += 1
        reply = asyncio.get_running_loop().create_future()
        self._replies[self._last_id] = reply
        message = {"roomName": self.room, "id": self._last_id, **message}
        await self._socket.send(json.dumps(message))
        frame = await reply
        if frame["type"] == "error":
            raise RuntimeError(frame["message"])
        return frame

    async def join(self, room):
        self.room = room
        return str((await self.request(type="join-room"))["node"])

    async def close(self):
        await self._socket.close()

    async def _read(self):
        async for text in self._socket:
            frame = json.loads(text)
            if frame["type"] == "subscribe-offer":
                asyncio.create_task(self._answer(frame))
            reply = self._replies.pop(frame.get("id"), None)
            if reply is not None:
                reply.set_result(frame)

    async def _answer(self, frame):
        try:
            answer = await self._on_offer(str(frame["publisherId"]), frame["offer"])
            await self.request(
                type="subscribe-answer",
                publisherId=frame["publisherId"],
                purpose=frame["purpose"],
                answer=answer,
            )
        except Exception as error:  # seen by the test in what this program writes
            print(f"cannot answer: {error!r}\n{frame['offer']}", file=sys.stderr, flush=True)


def without_udp(sdp):
    return re.sub(r"(?im)^a=candidate:\S+ \d+ udp .*\r\n", "", sdp)


async def serve(client, version):
    """Carries out the commands of standard input, one JSON object a line, until it ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    _say({"version": version})
    while line := await reader.readline():
        command = json.loads(line)
        name = command.pop("do").replace("-", "_")
        try:
            _say({"reply": await getattr(client, name)(**command) or {}})
        except Exception as error:  # the test's to judge
            _say({"error": f"{type(error).__name__}: {error}"})
        if name == "close":
            return


def _say(message):
    print(json.dumps(message), flush=True)
