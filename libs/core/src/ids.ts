import { SluiceError } from './errors.js';

declare const brand: unique symbol;
type Id<Noun extends string> = string & { readonly [brand]: Noun };

/** Identifiers that cross a process boundary: one opaque type per noun. */
export type NodeId = Id<'node'>;
export type SessionId = Id<'session'>;
export type ConnectionId = Id<'connection'>;
export type RouterId = Id<'router'>;

/** 1 to 64 URL-safe characters, so an id is also one legal NATS subject token. */
const ID = /^[A-Za-z0-9_-]{1,64}$/;

/** @throws {SluiceError} INVALID_ARGUMENT, since an id always comes from somebody else. */
function idOf<Noun extends string>(noun: Noun) {
  return (raw: string): Id<Noun> => {
    if (!ID.test(raw)) throw new SluiceError('INVALID_ARGUMENT', `malformed ${noun} id`, { noun });
    return raw as Id<Noun>;
  };
}

export const NodeId = idOf('node');
export const SessionId = idOf('session');
export const ConnectionId = idOf('connection');
export const RouterId = idOf('router');
