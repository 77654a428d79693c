import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type MethodDefinition,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

/** All that the test service says. */
export interface Words {
  readonly text: string;
}

const serialize = (words: Words) => Buffer.from(JSON.stringify(words));
const deserialize = (bytes: Buffer) => JSON.parse(bytes.toString('utf8')) as Words;

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/test.Talk/${name}`,
    requestStream,
    responseStream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  } satisfies MethodDefinition<Words, Words>;
}

/** A service with one method of each kind that Sluice uses. */
export const Talk = {
  ask: method('Ask', false, false),
  listen: method('Listen', false, true),
  chat: method('Chat', true, true),
} satisfies ServiceDefinition;

export interface TalkService extends UntypedServiceImplementation {
  ask: UntypedServiceImplementation[string];
  listen: UntypedServiceImplementation[string];
  chat: UntypedServiceImplementation[string];
}

export class TalkClient extends Client {
  listen(request: Words): ClientReadableStream<Words> {
    const { path, requestSerialize, responseDeserialize } = Talk.listen;
    return this.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
  }

  chat(): ClientDuplexStream<Words, Words> {
    const { path, requestSerialize, responseDeserialize } = Talk.chat;
    return this.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  }
}

export interface Wire {
  readonly address: string;
  /** What a killed process at one end does to both. */
  cut(): void;
  stop(): Promise<void>;
}

/** A TCP connection to `target` that a test can cut. */
export async function wireTo(target: string): Promise<Wire> {
  const [host = '', port = ''] = target.split(':');
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((inner) => {
    const outer = keep(connect(Number(port), host));
    keep(inner).pipe(outer).pipe(inner);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    address: `127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    cut,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}
