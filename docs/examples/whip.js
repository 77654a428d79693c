// WHIP (RFC 9725): publishes a stream by one POST. Runs in any browser.
// place: { url: 'https://sluice.example', token, room, participant, purpose }

export async function publish({ url, token, room, participant, purpose }, stream) {
  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  for (const track of stream.getTracks()) {
    connection.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
  }
  await connection.setLocalDescription();
  const path = [room, participant, purpose].filter(Boolean).map(encodeURIComponent).join('/');
  const response = await fetch(`${url}/whip/${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${token}` },
    body: connection.localDescription.sdp,
  });
  if (!response.ok) throw new Error((await response.json()).detail);
  await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  const resource = new URL(response.headers.get('Location'), url);
  const headers = { Authorization: `Bearer ${token}` };
  return { connection, stop: () => fetch(resource, { method: 'DELETE', headers }) };
}
