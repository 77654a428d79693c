// A session whose first offer the server makes. Runs in any browser.
// place: { url: 'https://sluice.example', token, room, participant, purpose }

/** Plays the participant's stream, or all there are; resolves with the RTCPeerConnection, and how to publish and end. */
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
  const made = await ask('POST', '', participant && { streams: [{ participant, purpose }] });
  const { session, offer } = await made.json();
  await connection.setRemoteDescription({ type: 'offer', sdp: offer });
  await connection.setLocalDescription();
  await ask('PUT', `/${session}/answer`, { answer: connection.localDescription.sdp });
  const publish = async (media) => {
    for (const track of media.getTracks()) connection.addTrack(track, media);
    await connection.setLocalDescription();
    const offered = { offer: connection.localDescription.sdp };
    const { answer } = await (await ask('PUT', `/${session}/offer`, offered)).json();
    await connection.setRemoteDescription({ type: 'answer', sdp: answer });
  };
  return { connection, publish, stop: () => ask('DELETE', `/${session}`) };
}

/** Joins a room, also as the first, and publishes there. */
export const publish = async (place, media) =>
  (await play({ ...place, participant: undefined }, () => {})).publish(media);
