// SFU-to-SFU as its README has it. place: { url, token, room, participant, purpose }
async function createSession({ url, token }, onTrack = () => {}) {
  const connection = new RTCPeerConnection();
  connection.createDataChannel('unused'); // so that the offer is of data channels
  const opened = new Promise((resolve) => {
    const later = (channel) => () => setTimeout(resolve, 250, channel); // Chromium drops what is sent now
    connection.ondatachannel = ({ channel }) => (channel.onopen = later(channel));
  });
  connection.ontrack = ({ track, streams }) => onTrack(track, streams[0]?.id);
  await connection.setLocalDescription();
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const body = connection.localDescription.sdp;
  const response = await fetch(`${url}/createSession`, { method: 'POST', headers, body });
  await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  const channel = await opened;
  const waiting = new Map();
  const send = (message) => channel.send(JSON.stringify(message));
  channel.onmessage = async ({ data }) => {
    const message = JSON.parse(data);
    waiting.get(message.id)?.(message);
    if (message.event !== 'subscribe') return;
    await connection.setRemoteDescription({ type: 'offer', sdp: message.sdp });
    await connection.setLocalDescription();
    send({ ...message, sdp: connection.localDescription.sdp });
  };
  const request = (event, { room, participant, purpose = 'm.usermedia' }, sdp = '') => {
    const keys = { id: crypto.randomUUID(), call_id: room, device_id: participant, purpose };
    send({ event, ...keys, sdp });
    return new Promise((resolve) => waiting.set(keys.id, resolve));
  };
  return { connection, request };
}
export async function publish(place, stream) {
  const { connection, request } = await createSession(place);
  for (const track of stream.getTracks()) connection.addTrack(track, stream);
  await connection.setLocalDescription();
  const { sdp } = await request('publish', place, connection.localDescription.sdp);
  return connection.setRemoteDescription({ type: 'answer', sdp });
}
export const play = async (to, hear) => (await createSession(to, hear)).request('subscribe', to);
