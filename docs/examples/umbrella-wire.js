// Umbrella's frames: one RemoteNodeMessage each, in protobuf, whose fields are all optional.

const utf8 = (text) => [...new TextEncoder().encode(text)];
const bytesOf = (field, bytes) => [(field << 3) | 2, ...varint(bytes.length), ...bytes];
const textOf = (field, text) => bytesOf(field, utf8(text));
const varint = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)]);

const trackOf = ({ id, kind, streamId, umbrellaId }) =>
  bytesOf(1, [...textOf(1, id), 16, kind, ...textOf(3, streamId), ...textOf(4, umbrellaId)]);
const mappingOf = ({ umbrellaId, mid }) =>
  bytesOf(1, [...textOf(1, umbrellaId), ...textOf(2, mid)]);

/** Descriptions and candidates are objects as RTCPeerConnection has them. */
export function encode({ candidate, offer, answer, upstreamTracks, acceptTracks, midMappings }) {
  const json = (value) => textOf(1, JSON.stringify(value));
  return new Uint8Array([
    ...(candidate
      ? bytesOf(1, [...json(candidate.candidate), 16, Number(candidate.incoming)])
      : []),
    ...(offer ? bytesOf(2, json(offer)) : []),
    ...(answer ? bytesOf(3, json(answer)) : []),
    ...(upstreamTracks ? bytesOf(4, upstreamTracks.flatMap(trackOf)) : []),
    ...(acceptTracks ? bytesOf(5, acceptTracks.flatMap(trackOf)) : []),
    ...(midMappings ? bytesOf(6, midMappings.flatMap(mappingOf)) : []),
  ]);
}

export function decode(data) {
  const message = fieldsOf(new Uint8Array(data));
  const part = (field) => message[field] && fieldsOf(message[field][0]);
  const text = (bytes) => new TextDecoder().decode(bytes);
  const json = (fields) => fields && JSON.parse(text(fields[1][0]));
  const list = (fields, read) => fields && (fields[1] ?? []).map((item) => read(fieldsOf(item)));
  const track = ({ 1: [id], 2: [kind] = [0], 3: [streamId], 4: [umbrellaId] }) => ({
    ...{ id: text(id), kind, streamId: text(streamId), umbrellaId: text(umbrellaId) },
  });
  const candidate = part(1);
  return {
    candidate: candidate && { candidate: json(candidate), incoming: candidate[2]?.[0] === 1 },
    offer: json(part(2)),
    answer: json(part(3)),
    upstreamTracks: list(part(4), track),
    acceptTracks: list(part(5), track),
  };
}

/** Each field's values by its number: numbers, or bytes. */
function fieldsOf(bytes) {
  const fields = {};
  let at = 0;
  const number = () => {
    for (let value = 0, shift = 0; ; shift += 7) {
      value |= (bytes[at] & 127) << shift;
      if (bytes[at++] < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = number();
    const value = number();
    const length = (key & 7) === 2 ? value : 0;
    (fields[key >> 3] ??= []).push(
      length || (key & 7) === 2 ? bytes.subarray(at, at + length) : value,
    );
    at += length;
  }
  return fields;
}
