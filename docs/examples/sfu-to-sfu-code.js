// SFU-to-SFU as its code speaks it: the client opens the channel, and offers to receive.
// place: { url: 'https://sluice.example', token, room, participant, purpose }

async function createSession({ url, token }, onTrack = () => {}) {
  const connection = new RTCPeerConnection();
  const channel = connection.createDataChannel('signaling');
  // It may be open before we hear that the answer was taken.
  const opened = new Promise((resolve) => (channel.onopen = resolve));
  connection.ontrack = ({ track, streams }) => onTrack(track, streams[0]?.id);
  await connection.setLocalDescription();
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const body = connection.localDescription.sdp;
  const response = await fetch(`${url}/createSession`, { method: 'POST', headers, body });
  await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  await opened;
  const request = async (event, { room, participant, purpose = 'm.usermedia' }) => {
    await connection.setLocalDescription();
    const { sdp } = connection.localDescription;
    const keys = { id: event, call_id: room, device_id: participant, purpose };
    channel.send(JSON.stringify({ event, ...keys, sdp }));
    const { data } = await new Promise((resolve) => (channel.onmessage = resolve));
    const reply = JSON.parse(data);
    if (reply.event === 'error') throw new Error(reply.message);
    await connection.setRemoteDescription({ type: 'answer', sdp: reply.sdp });
  };
  return { connection, request };
}

export async function publish(place, stream) {
  const { connection, request } = await createSession(place);
  for (const track of stream.getTracks()) connection.addTrack(track, stream);
  await request('publish', place);
}

export async function play(place, onTrack) {
  const { connection, request } = await createSession(place, onTrack);
  for (const kind of ['audio', 'video']) connection.addTransceiver(kind, { direction: 'recvonly' });
  await request('subscribe', place);
}
