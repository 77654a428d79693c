// A session whose first offer the server makes. Runs in any browser.
// place: { url: 'https://sluice.example', token, room, participant, purpose }

/** Plays the participant's stream; resolves with its RTCPeerConnection and what ends it. */
export async function play({ url, token, room, participant, purpose }, onTrack) {
  const connection = new RTCPeerConnection();
  connection.ontrack = ({ track, streams }) => onTrack(track, streams[0].id);
  const sessions = `${url}/api/v1/rooms/${encodeURIComponent(room)}/sessions`;
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const ask = async (method, path, body) => {
    const options = { method, headers, body: JSON.stringify(body) };
    const response = await fetch(sessions + path, options);
    if (!response.ok) throw new Error((await response.json()).detail);
    return response;
  };
  // Without `streams` it offers all that are published in the room.
  const made = await ask('POST', '', { streams: [{ participant, purpose }] });
  const { session, offer } = await made.json();
  await connection.setRemoteDescription({ type: 'offer', sdp: offer });
  await connection.setLocalDescription();
  await ask('PUT', `/${session}/answer`, { answer: connection.localDescription.sdp });
  return { connection, stop: () => ask('DELETE', `/${session}`) };
}
