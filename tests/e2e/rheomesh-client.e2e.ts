import { eventually } from '@sluice/testing';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { Scene } from '../scene.js';

/**
 * What the README of the Rheomesh signaling server tells a client to do, and nothing else: it waits
 * for no `authenticated`, joins no room before it publishes, and knows no purposes.
 */
const README_CLIENT = `
  const roomName = 'readme';
  window.subscribers = new Map();
  window.errors = [];
  const socket = new WebSocket(window.address);
  const send = (message) => socket.send(JSON.stringify(message));
  socket.onopen = async () => {
    send({ type: 'auth', token: window.token });
    const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
    const pc = new RTCPeerConnection({ iceServers: [{ urls: 'stun:stun.l.google.com:19302' }] });
    window.publisher = pc;
    stream.getTracks().forEach((track) => pc.addTrack(track, stream));
    pc.onicecandidate = (event) => {
      if (event.candidate) {
        send({ type: 'publish-ice-candidate', roomName, candidate: event.candidate.candidate });
      }
    };
    const offer = await pc.createOffer();
    await pc.setLocalDescription(offer);
    send({ type: 'publish-offer', roomName, offer: offer.sdp });
  };
  socket.onmessage = async (event) => {
    const message = JSON.parse(event.data);
    switch (message.type) {
      case 'error':
        window.errors.push(message.message);
        break;
      case 'publish-answer':
        await window.publisher.setRemoteDescription({ type: 'answer', sdp: message.answer });
        break;
      case 'new-publisher':
        send({ type: 'subscribe-request', roomName, publisherId: message.publisherId });
        break;
      case 'subscribe-offer': {
        const pc = new RTCPeerConnection({ iceServers: [{ urls: 'stun:stun.l.google.com:19302' }] });
        window.subscribers.set(message.publisherId, pc);
        pc.ontrack = (received) => {
          const video = document.createElement('video');
          video.srcObject = received.streams[0];
          video.autoplay = true;
          document.body.appendChild(video);
        };
        await pc.setRemoteDescription({ type: 'offer', sdp: message.offer });
        const answer = await pc.createAnswer();
        await pc.setLocalDescription(answer);
        send({
          type: 'subscribe-answer',
          roomName,
          publisherId: message.publisherId,
          answer: answer.sdp,
        });
        break;
      }
    }
  };
`;

const scene = Scene.ofThisFile('rheomesh-client');

async function openClient(subject: string): Promise<Page> {
  const page = await scene.browsers.openPage();
  const token = await scene.cluster.token({ subject });
  await page.evaluate(([address, using]) => void Object.assign(window, { address, token: using }), [
    scene.cluster.ws,
    token,
  ] as const);
  await page.addScriptTag({ content: README_CLIENT });
  return page;
}

interface Readme {
  readonly subscribers: Map<number, RTCPeerConnection>;
  readonly errors: string[];
}

function decodedFrames(page: Page): Promise<Record<string, number>> {
  return page.evaluate(async () => {
    const { subscribers } = window as unknown as Readme;
    const frames: Record<string, number> = {};
    for (const [publisher, connection] of subscribers) {
      const report = await connection.getStats();
      for (const entry of report.values() as Iterable<Record<string, unknown>>) {
        if (entry['type'] === 'inbound-rtp' && entry['kind'] === 'video') {
          frames[`${typeof publisher} ${publisher}`] = Number(entry['framesDecoded']);
        }
      }
    }
    return frames;
  });
}

test('the README client works unchanged but for the address, between two nodes', async () => {
  const pages = [await openClient('1'), await openClient('2')] as const;
  const errors = (page: Page) => page.evaluate(() => (window as unknown as Readme).errors);

  // Participants with decimal names are numbers to this client.
  for (const [page, other] of [
    [pages[0], 'number 2'],
    [pages[1], 'number 1'],
  ] as const) {
    await eventually(async () => {
      const frames = await decodedFrames(page);
      const said = (await errors(page)).join();
      return (frames[other] ?? 0) > 15 ? undefined : `${JSON.stringify(frames)} ${said}`;
    }, 30_000);
    expect(Object.keys(await decodedFrames(page))).toEqual([other]);
    expect(await errors(page)).toEqual([]);
  }
  const relays = await scene.relays('readme');
  expect(relays).toHaveLength(2);
  for (const { fromNode, toNode } of relays) expect(fromNode).not.toBe(toNode);
});
