// WHEP: plays a stream by one POST, or lets the server offer. Runs in any browser.
// place: { url: 'https://sluice.example', token, room, participant, purpose }

const SDP = 'application/sdp';

function ask(url, method, token, body) {
  const type = body === undefined ? {} : { 'Content-Type': SDP };
  return fetch(url, { method, headers: { Authorization: `Bearer ${token}`, ...type }, body });
}
function begin({ room, participant, purpose, url }, onTrack) {
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  connection.ontrack = ({ track, streams }) => onTrack(track, streams[0]?.id);
  const path = [room, participant, purpose].filter(Boolean).map(encodeURIComponent).join('/');
  return { connection, endpoint: `${url}/whep/${path}` };
}
export async function play(place, onTrack) {
  const { connection, endpoint } = begin(place, onTrack);
  for (const kind of ['audio', 'video']) connection.addTransceiver(kind, { direction: 'recvonly' });
  await connection.setLocalDescription();
  const response = await ask(endpoint, 'POST', place.token, connection.localDescription.sdp);
  if (!response.ok) throw new Error((await response.json()).detail);
  await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  return connection;
}
/** Better for browsers: with header extensions, so that bandwidth is estimated. */
export async function playOffered(place, onTrack) {
  const { connection, endpoint } = begin(place, onTrack);
  const response = await ask(endpoint, 'POST', place.token);
  if (!response.ok) throw new Error((await response.json()).detail);
  await connection.setRemoteDescription({ type: 'offer', sdp: await response.text() });
  await connection.setLocalDescription();
  const resource = new URL(response.headers.get('Location'), place.url);
  await ask(resource, 'PATCH', place.token, connection.localDescription.sdp);
  return connection;
}
