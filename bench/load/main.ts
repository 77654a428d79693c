// The process that makes load: real clients, ICE, DTLS and SRTP, and no codec. It is told what to do
// over its IPC channel and ends with it.
import { Publisher, Viewer } from './peers.js';
import type { Audience, Order, Reply } from './orders.js';
import { Signaling } from './signaling.js';

/** One is enough while both nodes take sessions. */
const MOVES_MAX = 5;

interface Running {
  readonly publisher: Publisher;
  readonly viewers: readonly Viewer[];
}

const audiences = new Map<string, Running>();

process.on('message', (order: Order) => {
  void obey(order).then(
    (packets) => reply({ packets }),
    (error: unknown) => reply({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));

async function obey(order: Order): Promise<number> {
  if (order.do === 'open') {
    audiences.set(order.name, await gather(order.audience));
    return 0;
  }
  const running = audiences.get(order.name);
  if (!running) throw new Error(`there is no audience ${order.name}`);
  if (order.do === 'start') {
    running.publisher.start(order.rate.packetsPerSecond, order.rate.payloadBytes);
  } else if (order.do === 'stop') running.publisher.stop();
  return running.viewers.reduce((total, { packets }) => total + packets, 0);
}

async function gather(audience: Audience): Promise<Running> {
  const { url, room, publisherToken, viewerTokens, sameNode } = audience;
  const signaling = await Signaling.enter(url, publisherToken, room);
  const publisher = await Publisher.open(signaling, room);
  const publisherId = subjectOf(publisherToken);
  const viewers: Viewer[] = [];
  for (const token of viewerTokens) {
    const viewer = await Signaling.enter(url, token, room);
    const isHome = () => (viewer.node === signaling.node) === sameNode;
    for (let moves = 0; !isHome() && moves < MOVES_MAX; moves += 1) await viewer.moveOn(room);
    if (!isHome()) throw new Error(`no home ${sameNode ? 'near' : 'far from'} the publisher`);
    viewers.push(await Viewer.open(viewer, room, publisherId));
  }
  return { publisher, viewers };
}

/** Of a JWT, or of the plain program's `subject@core`. */
function subjectOf(token: string): string {
  const claims = token.split('.')[1];
  if (claims === undefined) return token.split('@')[0] ?? '';
  return (JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')) as { sub: string }).sub;
}

function reply(message: Reply): void {
  process.send?.(message);
}
