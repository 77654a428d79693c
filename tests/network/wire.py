"""A cable between two interfaces of its network namespace that loses, delays and holds up packets of UDP.

`wire <interface> <interface>`; each line of standard input says how from then on, such as
{"lossShare": 0.05, "delayMs": 100} or {"kilobitsPerSecond": 300, "queueMs": 300}, and is answered with
how many packets passed and were lost since the line before. It ends with its standard input. For kernels
without netem. Its rate is that of a line: one packet after the other, none of them for nothing as tc's
token buckets let pass, and what would wait for longer than the queue is lost.
"""

import heapq
import json
import random
import selectors
import socket
import struct
import sys
import time

ETH_P_ALL = 3
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 263, 1, 1
PACKET_OUTGOING = 4
ETH_P_IP = b"\x08\x00"
UDP = 17


def open_end(name):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    end.bind((name, 0))
    end.setblocking(False)
    everything = struct.pack("IHH8s", socket.if_nametoindex(name), PACKET_MR_PROMISC, 0, b"")
    end.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, everything)
    return end


def without_checksum(frame):
    """Virtual interfaces leave checksums to hardware that is not there; UDP may do without."""
    at = 14 + (frame[14] & 15) * 4 + 6
    return frame[:at] + b"\0\0" + frame[at + 2 :]


class Wire:
    def __init__(self, one, other):
        self._to = {one: other, other: one}
        self._queue = []
        self._order = 0
        self._loss_share = 0.0
        self._delay_s = 0.0
        self._bits_per_s = None
        self._queue_s = 0.0
        self._free_at = {one: 0.0, other: 0.0}
        self._passed = self._lost = 0

    def impair(self, lossShare=0.0, delayMs=0, kilobitsPerSecond=None, queueMs=0):
        said = {"passed": self._passed, "lost": self._lost}
        self._loss_share, self._delay_s = lossShare, delayMs / 1000
        self._bits_per_s = kilobitsPerSecond and kilobitsPerSecond * 1000
        self._queue_s = queueMs / 1000
        self._passed = self._lost = 0
        return said

    def take(self, end):
        while True:
            try:
                frame, address = end.recvfrom(65536)
            except BlockingIOError:
                return
            if address[2] == PACKET_OUTGOING:
                continue
            due = time.monotonic()
            if frame[12:14] == ETH_P_IP and frame[23] == UDP:
                frame = without_checksum(frame)
                due = self._through(end, frame, due)
                if due is None:
                    self._lost += 1
                    continue
                self._passed += 1
            self._order += 1
            heapq.heappush(self._queue, (due, self._order, self._to[end], frame))

    def _through(self, end, frame, now):
        """When a packet of UDP is at the other end; never, where it gets lost."""
        if random.random() < self._loss_share:
            return None
        if self._bits_per_s is None:
            return now + self._delay_s
        begins = max(now, self._free_at[end])
        if begins - now > self._queue_s:
            return None
        self._free_at[end] = begins + len(frame) * 8 / self._bits_per_s
        return self._free_at[end] + self._delay_s

    def send_due(self):
        """How long until the next one is due."""
        while self._queue:
            wait = self._queue[0][0] - time.monotonic()
            if wait > 0:
                return wait
            _, _, end, frame = heapq.heappop(self._queue)
            try:
                end.send(frame)
            except OSError:  # the interface is down
                pass
        return None


def main(names):
    ends = [open_end(name) for name in names]
    wire = Wire(*ends)
    ready = selectors.DefaultSelector()
    for end in ends:
        ready.register(end, selectors.EVENT_READ)
    ready.register(sys.stdin, selectors.EVENT_READ)
    print("{}", flush=True)
    while True:
        for key, _ in ready.select(wire.send_due()):
            if key.fileobj is not sys.stdin:
                wire.take(key.fileobj)
                continue
            line = sys.stdin.readline()
            if not line:
                return
            print(json.dumps(wire.impair(**json.loads(line))), flush=True)


main(sys.argv[1:])
