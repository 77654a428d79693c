import { eventually } from '@sluice/testing';
import { hearAudio, seeVideo } from '../browser/playback.js';
import type { DataSaid } from '../browser/page/data-talk.js';
import type { PublishWanted, Reply, Talk, VideoCodec } from './page/commands.js';
import { clientDecodes, publishTo, watchedByClient, type Network, type Scene } from './stage.js';

export interface Row {
  readonly name: string;
  /** `ipv4` where nothing is said. */
  readonly network?: Network;
  /** Whether the client is told of a coturn, and can send packets to nobody else. */
  readonly relayed?: boolean;
  readonly play: (scene: Scene) => Promise<void>;
}

const CLIENT = { publisher: 'client' };
/** How long others may take to hear of a change. */
const CHANGE_TIMEOUT_MS = 15_000;

export const ROWS: readonly Row[] = [
  {
    name: 'publish Opus',
    play: async (scene) => {
      await publishTo(scene, { audio: true });
      await hearAudio(scene.viewer, CLIENT);
    },
  },
  ...(['VP8', 'VP9', 'H264', 'AV1'] as const).map((codec) => ({
    name: `publish ${codec}`,
    play: (scene: Scene) => publishVideo(scene, codec),
  })),
  { name: 'publish simulcast', play: (scene) => publishSimulcast(scene) },
  {
    name: 'publish simulcast by SSRCs',
    play: (scene) => publishSimulcast(scene, { bySsrcs: true }),
  },
  { name: 'subscribe', play: (scene) => watchedByClient(scene) },
  { name: 'add a track', play: addTrack },
  { name: 'stop a track and re-use its m-line', play: stopAndReuse },
  { name: 'offer a data channel beside media', play: dataChannel },
  { name: 'publish data', play: publishData },
  { name: 'subscribe to data', play: subscribeToData },
  { name: 'restart ICE', play: restartIce },
  {
    name: 'publish over TCP',
    play: async (scene) => {
      await publishTo(scene, { audio: true, video: 'VP8', tcpOnly: true });
      await seeAndHear(scene);
    },
  },
  { name: 'subscribe over TCP', play: (scene) => watchedByClient(scene, true) },
  {
    name: 'publish over IPv6 on loopback',
    network: 'ipv6',
    play: publishBoth,
  },
  {
    name: 'subscribe over IPv6 on loopback',
    network: 'ipv6',
    play: (scene) => watchedByClient(scene),
  },
  { name: 'both sides offer at once', play: bothOffer },
  { name: 'publish relayed by coturn', network: 'namespace', relayed: true, play: publishBoth },
  { name: 'publish with UDP blocked', network: 'namespace', play: publishWithoutUdp },
  { name: 'restart ICE on another network', network: 'namespace', play: changeNetwork },
];

async function publishBoth(scene: Scene): Promise<void> {
  await publishTo(scene, { audio: true, video: 'VP8' });
  await seeAndHear(scene);
}

/** The client offers to publish while it is offered what it subscribed to, twice. */
async function bothOffer(scene: Scene): Promise<void> {
  const { client, viewer, room } = scene;
  await viewer.publish({ room, audio: true });
  await client.run({ do: 'subscribe', room, publisher: 'viewer' });
  await publishTo(scene, { audio: true });
  await Promise.all([
    viewer.publish({ room, video: { width: 640, height: 480 } }),
    client.run({ do: 'add', kind: 'video' }),
  ]);
  await Promise.all([seeAndHear(scene), clientDecodes(scene)]);
}

async function publishWithoutUdp(scene: Scene): Promise<void> {
  const { namespace } = scene.stage;
  await namespace.blockUdp();
  try {
    await publishBoth(scene);
    if ((await namespace.blockedPackets()) === 0) throw new Error('the client tried no UDP');
  } finally {
    await namespace.unblockUdp();
  }
}

/** The address it published from goes, and with it the interface; there is another one instead. */
async function changeNetwork(scene: Scene): Promise<void> {
  const { namespace } = scene.stage;
  const [first, other] = [namespace.uplink, await namespace.spareUplink()];
  const before = await publishTo(scene, { audio: true, video: 'VP8' });
  await seeVideo(scene.viewer, CLIENT);
  try {
    await namespace.use(other);
    const after = await scene.client.run({ do: 'restart-ice' });
    if (fragment(after.offer) === fragment(before.offer)) throw new Error('its ICE stays');
    await seeAndHear(scene);
  } finally {
    await namespace.use(first);
  }
}

async function seeAndHear({ viewer }: Scene): Promise<void> {
  await Promise.all([seeVideo(viewer, CLIENT), hearAudio(viewer, CLIENT)]);
}

async function publishVideo(scene: Scene, codec: VideoCodec): Promise<void> {
  await publishTo(scene, { audio: true, video: codec });
  await seeAndHear(scene);
  const { tracks } = await scene.viewer.until('new-publisher', { publisherId: 'client' });
  const video = (tracks as { kind: string; mimeType: string }[]).find(
    ({ kind }) => kind === 'video',
  );
  same(video?.mimeType, `video/${codec}`);
}

async function publishSimulcast(
  scene: Scene,
  how: Pick<PublishWanted, 'bySsrcs'> = {},
): Promise<void> {
  await publishTo(scene, { video: 'VP8', layers: 2, ...how });
  const layers = { type: 'set-layers', roomName: scene.room, publisherId: 'client' };
  await scene.viewer.request({ ...layers, spatial: 0 });
  await seeVideo(scene.viewer, CLIENT, 320);
  await scene.viewer.request({ ...layers, spatial: 1 });
  await seeVideo(scene.viewer, CLIENT, 640);
}

async function addTrack(scene: Scene): Promise<void> {
  await publishTo(scene, { audio: true });
  await hearAudio(scene.viewer, CLIENT);
  await scene.client.run({ do: 'add', kind: 'video' });
  await seeAndHear(scene);
}

async function stopAndReuse(scene: Scene): Promise<void> {
  const first = await publishTo(scene, { audio: true, video: 'VP8' });
  await seeVideo(scene.viewer, CLIENT);
  await scene.client.run({ do: 'stop', kind: 'video' });
  await untilTracksAre(scene, ['audio']);
  await hearAudio(scene.viewer, CLIENT);
  const again = await scene.client.run({ do: 'add', kind: 'video' });
  same(mLines(again.offer), mLines(first.offer));
  await untilTracksAre(scene, ['audio', 'video']);
  await seeAndHear(scene);
}

async function dataChannel(scene: Scene): Promise<void> {
  const { offer, answer } = await publishTo(scene, {
    audio: true,
    video: 'VP8',
    dataChannel: true,
  });
  same(mLines(answer), mLines(offer));
  same(mLines(offer).length, 3);
  await seeAndHear(scene);
}

const LARGEST_BYTES = 256 * 1024;
const SMALLER_BYTES = 64 * 1024;
/** As these say of themselves, so that nothing larger is sent to them. */
const TAKES_64_KIB = /^(aiortc|GStreamer|werift)/;
const SENDS_64_KIB = /^GStreamer/;
/** These send none, but what breaks their association: without the byte that stands for nothing. */
const SENDS_NOTHING_EMPTY = /^(GStreamer|werift)/;
/** This one gives empty text to its application as if it were binary. */
const HEARS_NOTHING_EMPTY = /^GStreamer/;

/** Text, binary, both kinds of nothing, and the largest there is. */
function messages(largestBytes: number): readonly DataSaid[] {
  const [hello, end] = [{ text: 'hello ✓' }, { text: 'end' }];
  return [hello, { text: '' }, { bytes: 3 }, { bytes: 0 }, { bytes: largestBytes }, end];
}

/** On a channel that the client opens; the viewer gets another, of the same name, from its node. */
async function publishData({ room, client, viewer }: Scene): Promise<void> {
  const { offer } = await client.run({ do: 'publish', room, dataChannel: true });
  await viewer.until('new-publisher', { publisherId: 'client' });
  await viewer.subscribe({ room, publisher: 'client' });
  await untilOpen(() => viewer.talk(), ['talk/interop']);
  const largest = SENDS_64_KIB.test(client.version) ? SMALLER_BYTES : LARGEST_BYTES;
  const said = messages(largest).filter(
    (one) => !SENDS_NOTHING_EMPTY.test(client.version) || !isEmpty(one),
  );
  await client.run({ do: 'talk', say: said });
  await untilHeard(() => viewer.talk(), said);
  same(mLines(offer), ['application']);
  await client.run({ do: 'talk', hush: true });
  await untilOpen(() => viewer.talk(), []);
}

/** On a channel that our side opens. */
async function subscribeToData({ room, client, viewer }: Scene): Promise<void> {
  await viewer.publish({ room, data: 'talk' });
  await client.run({ do: 'subscribe', room, publisher: 'viewer' });
  const talk = async () => (await client.run({ do: 'talk' })).talk ?? { heard: [], open: [] };
  await untilOpen(talk, ['talk/']);
  const said = messages(TAKES_64_KIB.test(client.version) ? SMALLER_BYTES : LARGEST_BYTES).filter(
    (one) => !HEARS_NOTHING_EMPTY.test(client.version) || !isEmpty(one),
  );
  for (const [index, one] of said.entries()) {
    await viewer.say([one]);
    // One by one: GStreamer gives text and binary to its application in whatever order.
    await untilHeard(talk, said.slice(0, index + 1));
  }
  await viewer.hush();
  await untilOpen(talk, []);
}

function isEmpty(one: DataSaid): boolean {
  return 'text' in one ? one.text === '' : one.bytes === 0;
}

async function untilOpen(talk: () => Promise<Talk>, names: readonly string[]): Promise<void> {
  await eventually(async () => {
    const open = (await talk()).open.join();
    return open === names.join() ? undefined : `open are “${open}”`;
  }, CHANGE_TIMEOUT_MS);
}

async function untilHeard(talk: () => Promise<Talk>, said: readonly DataSaid[]): Promise<void> {
  const wanted = said.map((one) => ('text' in one ? `text:${one.text}` : `binary:${one.bytes}`));
  await eventually(async () => {
    const heard = (await talk()).heard.join();
    return heard === wanted.join() ? undefined : `heard was “${heard}”`;
  }, CHANGE_TIMEOUT_MS);
}

async function restartIce(scene: Scene): Promise<void> {
  const before = await publishTo(scene, { audio: true, video: 'VP8' });
  await seeVideo(scene.viewer, CLIENT);
  const after = await scene.client.run({ do: 'restart-ice' });
  if (fragment(after.offer) === fragment(before.offer)) throw new Error('the client keeps its ICE');
  if (fragment(after.answer) === fragment(before.answer)) throw new Error('Sluice keeps its ICE');
  await seeAndHear(scene);
}

async function untilTracksAre({ viewer }: Scene, kinds: readonly string[]): Promise<void> {
  await eventually(async () => {
    const last = (await viewer.frames('publisher-changed')).at(-1);
    const seen = ((last?.['tracks'] ?? []) as { kind: string }[]).map(({ kind }) => kind).sort();
    return seen.join() === kinds.join() ? undefined : `the tracks are ${seen.join()}`;
  }, CHANGE_TIMEOUT_MS);
}

function mLines(sdp: Reply['offer']): string[] {
  return [...(sdp ?? '').matchAll(/^m=(\w+)/gm)].map(([, kind]) => String(kind));
}

function fragment(sdp: Reply['offer']): string | undefined {
  return /^a=ice-ufrag:(.*)$/m.exec(sdp ?? '')?.[1];
}

function same(seen: unknown, wanted: unknown): void {
  const [one, other] = [JSON.stringify(seen), JSON.stringify(wanted)];
  if (one !== other) throw new Error(`saw ${one} instead of ${other}`);
}
