import { describe, expect, it } from 'vitest';
import { streamKey } from '@sluice/core';
import { relayTickets, type RelayTicket } from '@sluice/tokens';
import { readTicket, requireStream } from './relay-ticket.js';

const NAME = { room: 'r', participant: 'p', purpose: 's' };
const tickets = relayTickets('the secret of this cluster');
const from = { nodeId: 'a', bootId: 'a1', routerId: 'ra', grpcAddress: 'a:1' };
const to = { nodeId: 'b', bootId: 'b1', routerId: 'rb', grpcAddress: 'b:1' };
const good: RelayTicket = {
  streamKey: streamKey(NAME),
  epoch: 3,
  parentRouterId: 'ra',
  pullerNodeId: 'b',
  pullerBootId: 'b1',
  pullerRouterId: 'rb',
};

describe('a relay ticket', () => {
  it('opens the pull for which it was sealed', () => {
    const ticket = readTicket(tickets, tickets.seal(good), from, to);
    expect(ticket).toEqual(good);
    expect(() => requireStream(ticket, NAME, 3)).not.toThrow();
  });

  it.each([
    ['another parent', { parentRouterId: 'rx' }],
    ['another node', { pullerNodeId: 'x' }],
    ['another boot', { pullerBootId: 'b0' }],
    ['another router', { pullerRouterId: 'rx' }],
  ])('does not open a pull for %s', (_what, other) => {
    const sealed = tickets.seal({ ...good, ...other });
    expect(() => readTicket(tickets, sealed, from, to)).toThrow(
      expect.objectContaining({ code: 'PERMISSION_DENIED' }),
    );
  });

  it('is for one stream of one epoch', () => {
    const denied = expect.objectContaining({ code: 'PERMISSION_DENIED' }) as Error;
    expect(() => requireStream(good, { ...NAME, purpose: 'x' }, 3)).toThrow(denied);
    expect(() => requireStream(good, NAME, 4)).toThrow(denied);
  });

  it.each(['', '.', 'a.b.c', 'x'.repeat(10_000), relayTickets('another secret').seal(good)])(
    'is not %#',
    (sealed) => {
      expect(() => readTicket(tickets, sealed, from, to)).toThrow(
        expect.objectContaining({ code: 'UNAUTHENTICATED' }),
      );
    },
  );
});
