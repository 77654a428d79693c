// Rooms over WebSocket: `/ws`. Runs in any browser.
// place: { url: 'https://sluice.example', token, room }

/** Publishes a MediaStream; resolves with its RTCPeerConnection. */
export async function publish({ url, token, room: roomName }, stream) {
  const connection = new RTCPeerConnection();
  for (const track of stream.getTracks()) connection.addTrack(track, stream);
  await connection.setLocalDescription();
  const offer = connection.localDescription.sdp;
  open(url, token, { type: 'publish-offer', roomName, offer }, ({ type, answer }) => {
    if (type === 'publish-answer') connection.setRemoteDescription({ type: 'answer', sdp: answer });
  });
  return connection;
}

/** Plays all streams of the room, those that come later too. */
export function play({ url, token, room: roomName }, onTrack) {
  const ask = { type: 'join-room', roomName };
  const socket = open(url, token, ask, async ({ type, publisherId, purpose, offer }) => {
    const stream = { roomName, publisherId, purpose, connection: 'all' };
    if (type === 'new-publisher') send(socket, { type: 'subscribe-request', ...stream });
    if (type !== 'subscribe-offer') return;
    socket.connection ??= new RTCPeerConnection();
    socket.connection.ontrack = ({ track, streams }) => onTrack(track, streams[0].id);
    await socket.connection.setRemoteDescription({ type: 'offer', sdp: offer });
    await socket.connection.setLocalDescription();
    const answer = socket.connection.localDescription.sdp;
    send(socket, { type: 'subscribe-answer', ...stream, answer });
  });
}

const send = (socket, message) => socket.send(JSON.stringify(message));
function open(url, token, first, onMessage) {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/ws`);
  socket.onmessage = ({ data }) => onMessage(JSON.parse(data));
  socket.onopen = () => [{ type: 'auth', token }, first].forEach((one) => send(socket, one));
  return socket;
}
