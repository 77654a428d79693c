// Pion_SFU: `/pion`. One RTCPeerConnection both ways. Runs in any browser.
// place: { url: 'https://sluice.example', token, room, participant }

/** Publishes a MediaStream, if given, and plays all others of the room. */
export async function join({ url, token, room, participant }, stream, onTrack = () => {}) {
  const ids = { self_id: participant, room_id: room };
  const address = `${url.replace(/^http/, 'ws')}/pion${token ? `?token=${token}` : ''}`;
  const socket = new WebSocket(address);
  const send = (event, data) => socket.send(JSON.stringify({ event, data: { ...ids, ...data } }));
  const connection = new RTCPeerConnection();
  connection.ontrack = ({ track, streams }) => onTrack(track, streams[0]?.id);
  connection.onicecandidate = ({ candidate }) => {
    if (candidate) send('ice-candidate', { candidate });
  };
  for (const track of stream?.getTracks() ?? []) connection.addTrack(track, stream);
  if (!stream) connection.addTransceiver('video', { direction: 'recvonly' });
  socket.onmessage = async (frame) => {
    const { event, data } = JSON.parse(frame.data);
    const body = JSON.parse(data);
    if (event === 'answer') await connection.setRemoteDescription(body);
    else if (event === 'candidate') await connection.addIceCandidate(body);
    else if (event === 'offer') {
      await connection.setRemoteDescription(body);
      await connection.setLocalDescription();
      send('answer', { answer: connection.localDescription });
    }
  };
  await new Promise((resolve) => (socket.onopen = resolve));
  send('joinRoom', {});
  await connection.setLocalDescription();
  send('offer', { offer: connection.localDescription });
  return Object.assign(connection, { socket });
}
