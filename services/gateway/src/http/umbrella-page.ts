import { randomBytes } from 'node:crypto';
import type { RequestHandler } from 'express';

type Page = 'sfu' | 'servers' | 'status';

const TITLES: Record<Page, string> = { sfu: 'Room', servers: 'Servers', status: 'Status' };

/** A small page that speaks what clients of Umbrella speak. */
export function umbrellaPage(page: Page): RequestHandler {
  return (_request, response) => {
    const nonce = randomBytes(16).toString('base64');
    response
      .set({
        'Cache-Control': 'no-store',
        'Content-Security-Policy': [
          "default-src 'none'",
          `script-src 'nonce-${nonce}'`,
          `style-src 'nonce-${nonce}'`,
          "connect-src 'self' ws: wss:",
          'media-src blob: mediastream:',
          "base-uri 'none'",
          "form-action 'none'",
          "frame-ancestors 'none'",
        ].join('; '),
      })
      .type('html')
      .send(html(page, nonce));
  };
}

const html = (page: Page, nonce: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sluice: ${TITLES[page]}</title>
<style nonce="${nonce}">
body { font: 1rem sans-serif; margin: 2rem; } video { width: 20rem; margin: .5rem; background: #222; }
</style>
<h1>${TITLES[page]}</h1>
<p><label>Token, where one is needed <input id="token" type="password" autocomplete="off"></label></p>
<main></main>
<p role="status"></p>
<script type="module" nonce="${nonce}">${PROTOBUF}${SCRIPTS[page]}</script>
</html>
`;

/** As much of protobuf as the pages need, and a request with the token that was typed. */
const PROTOBUF = `
const main = document.querySelector('main');
const say = (text) => { document.querySelector('[role=status]').textContent = text; };
const add = (tag, text, onclick) => main.appendChild(Object.assign(document.createElement(tag), { textContent: text, onclick }));
const token = () => document.querySelector('#token').value || new URLSearchParams(location.search).get('token') || '';
const varint = (n) => (n < 128 ? [n] : [(n % 128) | 128, ...varint(n >> 7)]);
const field = (number, value) => {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return [number * 8 + 2, ...varint(bytes.length), ...bytes];
};
function read(bytes) {
  const fields = {};
  let at = 0;
  const next = () => (bytes[at] < 128 ? bytes[at++] : bytes[at++] - 128 + 128 * next());
  while (at < bytes.length) {
    const [key, value] = [next(), next()];
    (fields[key >> 3] ??= []).push(key % 8 === 2 ? bytes.subarray(at, (at += value)) : value);
  }
  return fields;
}
const text = (bytes) => new TextDecoder().decode(bytes ?? new Uint8Array());
async function ask(body) {
  const headers = { 'Content-Type': 'application/x-protobuf' };
  if (token()) headers.Authorization = 'Bearer ' + token();
  const response = await fetch(location.pathname, { method: body ? 'POST' : 'GET', headers, body });
  if (!response.ok) throw new Error((await response.json()).detail);
  return read(new Uint8Array(await response.arrayBuffer()));
}
const tried = (task) => async () => { try { say(''); await task(); } catch (error) { say(error.message); } };
`;

const SCRIPTS: Record<Page, string> = {
  servers: `
const list = main.appendChild(Object.assign(document.createElement('textarea'), { rows: 8, cols: 80 }));
const show = (fields) => { list.value = (fields[1] ?? []).map(text).join('\\n'); };
add('p', 'One a line: wss://…/wsb for a trunk, rtsp://… for a camera.');
add('button', 'Read', tried(async () => show(await ask())));
add('button', 'Set', tried(async () => {
  const servers = list.value.split('\\n').map((line) => line.trim()).filter(Boolean);
  show(await ask(new Uint8Array(servers.flatMap((server) => field(1, server)))));
}));
tried(async () => show(await ask()))();
`,
  status: `
const rows = (tracks) => (tracks ?? []).map(read).map((track) => text(track[4]?.[0]) + ' ' + ['', 'audio', 'video'][track[2]?.[0] ?? 0]);
const show = tried(async () => {
  const status = await ask();
  main.replaceChildren();
  const trunks = new Map((status[101] ?? []).map(read).map((trunk) => [text(trunk[1]?.[0]), trunk]));
  for (const server of (status[3] ?? []).map(text)) {
    if (!/^wss?:/.test(server)) continue;
    const trunk = trunks.get(server) ?? {};
    const last = trunk[3] ? 'ended last with ' + text(trunk[3][0]) + ': ' + text(trunk[4]?.[0]) : '';
    add('p', 'Trunk to ' + server + ': ' + [trunk[2] ? text(trunk[2][0]) : 'no gateway dials it', last].filter(Boolean).join(', '));
  }
  for (const camera of (status[100] ?? []).map(read)) {
    const says = [text(camera[2]?.[0]), text(camera[3]?.[0]), Math.round((camera[4]?.[0] ?? 0) / 1000) + ' kbit/s'];
    add('p', 'Camera ' + text(camera[1]?.[0]) + ': ' + says.filter(Boolean).join(', '));
  }
  for (const client of (status[2] ?? []).map(read)) {
    add('h2', text(client[1]?.[0]) + ' at ' + text(client[100]?.[0]));
    add('p', 'From it: ' + (rows(client[5]).join(', ') || 'nothing'));
    add('p', 'To it: ' + (rows(client[6]).join(', ') || 'nothing'));
  }
  if (!status[2]) add('p', 'Nobody is linked.');
});
setInterval(show, 2000);
show();
`,
  sfu: `
const play = (track) => {
  const element = Object.assign(document.createElement(track.kind), { srcObject: new MediaStream([track]), autoplay: true, playsInline: true });
  track.onmute = () => element.remove();
  track.onunmute = () => main.append(element);
  main.append(element);
};
const join = (wish) => tried(async () => {
  const stream = wish && (await navigator.mediaDevices.getUserMedia(wish));
  main.replaceChildren();
  const [incoming, outgoing] = [new RTCPeerConnection(), new RTCPeerConnection()];
  const query = new URLSearchParams(location.search);
  if (token()) query.set('token', token());
  const socket = new WebSocket(location.href.replace(/^http/, 'ws').replace(/sfu([?#].*)?$/, 'wsb?' + query));
  socket.binaryType = 'arraybuffer';
  const send = (number, value) => socket.send(new Uint8Array(field(number, value)));
  const tell = (number, pc) => send(number, field(1, JSON.stringify(pc.localDescription)));
  const parse = (message) => JSON.parse(text(read(message[0])[1][0]));
  incoming.ontrack = ({ track }) => play(track);
  socket.onclose = ({ reason }) => say('The connection has ended. ' + reason);
  socket.onmessage = async ({ data }) => {
    const { 2: offer, 3: answer, 4: upstream, 5: accepted } = read(new Uint8Array(data));
    if (upstream) send(5, upstream[0]);
    if (answer) await outgoing.setRemoteDescription(parse(answer));
    if (accepted && stream && !outgoing.localDescription) {
      for (const track of stream.getTracks()) outgoing.addTrack(track, stream);
      await outgoing.setLocalDescription();
      tell(2, outgoing);
    }
    if (!offer) return;
    await incoming.setRemoteDescription(parse(offer));
    await incoming.setLocalDescription();
    tell(3, incoming);
  };
  socket.onopen = () => {
    const kinds = { audio: [16, 1], video: [16, 2] };
    send(4, (stream?.getTracks() ?? []).flatMap(({ id, kind }) =>
      field(1, [...field(1, id), ...kinds[kind], ...field(3, stream.id), ...field(4, id)])));
  };
});
add('button', 'Join with camera', join({ audio: true, video: { width: { max: 1280 } } }));
add('button', 'Join as a viewer', join());
`,
};
