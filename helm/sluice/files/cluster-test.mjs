// What `helm test` runs: a gateway answers, takes a WebSocket, knows a media node that serves, and brings
// somebody into a room there.
import { createHmac } from 'node:crypto';

const {
  GATEWAY,
  GATEWAY_TLS: tls,
  SLUICE_TOKEN_SECRET: secret,
  TOKEN_ISSUER: iss,
  TOKEN_AUDIENCE: aud,
} = process.env;
const [http, ws] = tls ? ['https', 'wss'] : ['http', 'ws'];
const TIMEOUT_MS = 10_000;

await gatewayAnswers();
await webSocketOpens();
if (secret) {
  await nodeServes(tokenOf({ admin: true }, secret));
  await roomOpens(tokenOf({ room: '*', publish: true, subscribe: true }, secret));
}
console.log('ok');
process.exit(0);

async function gatewayAnswers() {
  const response = await fetch(`${http}://${GATEWAY}/health`, {
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`the gateway answers ${response.status}`);
}

function webSocketOpens() {
  return new Promise((resolve, reject) => {
    const socket = new globalThis.WebSocket(`${ws}://${GATEWAY}/ws`);
    socket.onopen = () => resolve(socket.close());
    socket.onerror = () => reject(new Error('the gateway takes no WebSocket'));
    setTimeout(reject, TIMEOUT_MS, new Error('no WebSocket in time')).unref();
  });
}

async function nodeServes(token) {
  const response = await fetch(`${http}://${GATEWAY}/api/v1/nodes`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`the list of nodes answers ${response.status}`);
  const nodes = await response.json();
  const serving = nodes.filter((node) => node.state === 'serving');
  console.log(`${serving.length} of ${nodes.length} media nodes serve`);
  if (serving.length === 0) throw new Error('no media node serves');
}

/** Through the directory to a media node and back. */
function roomOpens(token) {
  return new Promise((resolve, reject) => {
    const socket = new globalThis.WebSocket(`${ws}://${GATEWAY}/ws`);
    const say = (message) => socket.send(JSON.stringify(message));
    socket.onopen = () => {
      say({ type: 'auth', token });
      say({ type: 'join-room', roomName: 'helm-test' });
    };
    socket.onmessage = ({ data }) => {
      const { type, code, message, node } = JSON.parse(data);
      if (type === 'error') reject(new Error(`a room does not open: ${code} ${message}`));
      if (type !== 'room-joined') return;
      console.log(`a room opened on ${node}`);
      say({ type: 'leave-room', roomName: 'helm-test' });
      resolve(socket.close());
    };
    socket.onerror = () => reject(new Error('the gateway takes no WebSocket'));
    setTimeout(reject, TIMEOUT_MS, new Error('no room in time')).unref();
  });
}

function tokenOf(grants, key) {
  const nowS = Math.floor(Date.now() / 1_000);
  const claims = { sub: 'helm-test', ...grants, iat: nowS, exp: nowS + 60 };
  if (iss) claims.iss = iss;
  if (aud) claims.aud = aud;
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}
