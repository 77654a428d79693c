import type { Flow } from '../client/index.js';
import type { Entrance } from './entrance.js';
import type { Tile } from './tiles.js';
import type { Call } from './call.js';

/**
 * What the page shows, as plain JSON: for tests that must know what a user sees, without reading
 * pixels. Figures are those of the last reading, taken once a second.
 */
export interface PageState {
  readonly page: 'join' | 'room' | 'ended';
  readonly problem: string | null;
  readonly room: string | null;
  /** connecting, joined, reconnecting or left. */
  readonly status: string | null;
  readonly self: { readonly id: string; readonly name: string } | null;
  readonly node: string | null;
  readonly notices: readonly string[];
  readonly tiles: readonly TileState[];
}

export interface TileState {
  readonly publisherId: string;
  readonly username: string;
  readonly purpose: string;
  readonly own: boolean;
  readonly hasVideo: boolean;
  readonly hasAudio: boolean;
  readonly quality: string;
  readonly path: readonly string[];
  readonly width: number;
  readonly height: number;
  readonly framesDecoded: number;
  readonly framesPerSecond: number;
  readonly audioLevel: number;
  readonly totalAudioEnergy: number;
  readonly bitrateBps: number;
  readonly loss: number;
  readonly roundTripMs: number | null;
  readonly codecs: readonly string[];
  readonly spatial: number | null;
  readonly temporal: number | null;
}

const OUTSIDE: Omit<PageState, 'problem'> = {
  page: 'join',
  room: null,
  status: null,
  self: null,
  node: null,
  notices: [],
  tiles: [],
};

export function pageState(entrance: Entrance): PageState {
  const problem = entrance.problem.peek() ?? null;
  const call = entrance.call.peek();
  return call ? roomState(call) : { ...OUTSIDE, problem };
}

function roomState(call: Call): PageState {
  const tiles = call.tiles.peek();
  const own = tiles.find((tile) => tile.own);
  const ended = call.ended.peek();
  return {
    page: ended === undefined ? 'room' : 'ended',
    problem: ended ?? null,
    room: call.options.room,
    status: call.status.peek(),
    self: own ? { id: own.participantId, name: own.username } : null,
    node: call.node.peek() ?? null,
    notices: call.notices.shown.peek().map(({ text }) => text),
    tiles: tiles.map((tile) => tileState(tile, call)),
  };
}

function tileState(tile: Tile, call: Call): TileState {
  const reading = call.reading.peek();
  const received = reading?.received.get(tile.key);
  const reception = tile.own ? reading?.sent.get(tile.purpose) : received;
  return {
    publisherId: tile.participantId,
    username: tile.username,
    purpose: tile.purpose,
    own: tile.own,
    hasVideo: tile.hasVideo,
    hasAudio: tile.hasAudio,
    quality: tile.quality,
    path: received?.path ?? [],
    roundTripMs: reception?.roundTripMs ?? null,
    spatial: received?.spatial ?? null,
    temporal: received?.temporal ?? null,
    ...figures(reception?.flow ?? NOTHING),
  };
}

const NOTHING: Partial<Flow> = {};

function figures(flow: Partial<Flow>) {
  const { width = 0, height = 0, framesDecoded = 0, framesPerSecond = 0 } = flow;
  const { audioLevel = 0, totalAudioEnergy = 0, bitrateBps = 0, loss = 0, codecs = [] } = flow;
  const picture = { width, height, framesDecoded, framesPerSecond };
  return { ...picture, audioLevel, totalAudioEnergy, bitrateBps, loss, codecs };
}
