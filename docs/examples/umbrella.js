// Umbrella: `/wsb`. A PeerConnection for each direction. Runs in any browser.
// place: { url: 'https://sluice.example', token, room }
import { decode, encode } from './umbrella-wire.js';

/** Publishes a MediaStream, if given, and plays all others of the room. */
export async function join({ url, token, room }, stream, onTrack = () => {}) {
  const query = new URLSearchParams({ room, ...(token && { token }) });
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/wsb?${query}`);
  socket.binaryType = 'arraybuffer';
  const send = (message) => socket.send(encode(message));
  const [incoming, outgoing] = [new RTCPeerConnection(), new RTCPeerConnection()];
  incoming.ontrack = ({ track, streams }) => onTrack(track, streams[0]?.id);
  const tracks = (stream?.getTracks() ?? []).map(({ id, kind }) => {
    return { id, kind: kind === 'audio' ? 1 : 2, streamId: stream.id, umbrellaId: id };
  });
  socket.onmessage = async ({ data }) => {
    const { candidate, offer, answer, acceptTracks, upstreamTracks } = decode(data);
    // Named from the sender's side: what comes in there goes out here.
    const connection = candidate?.incoming ? outgoing : incoming;
    if (candidate) await connection.addIceCandidate(candidate.candidate);
    if (answer) {
      await outgoing.setRemoteDescription(answer);
      const sent = outgoing.getTransceivers();
      send({ midMappings: sent.map(({ mid, sender }) => ({ mid, umbrellaId: sender.track.id })) });
    }
    if (offer) {
      await incoming.setRemoteDescription(offer);
      await incoming.setLocalDescription();
      send({ answer: incoming.localDescription });
    }
    if (acceptTracks && !outgoing.localDescription) {
      for (const track of stream.getTracks()) outgoing.addTrack(track, stream);
      await outgoing.setLocalDescription();
      send({ offer: outgoing.localDescription });
    }
    if (upstreamTracks) send({ acceptTracks: upstreamTracks });
  };
  await new Promise((resolve) => (socket.onopen = resolve));
  if (stream) send({ upstreamTracks: tracks });
}
