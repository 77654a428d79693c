import { SluiceError, streamKey, type StreamName } from '@sluice/core';
import type { RouterRef } from '@sluice/proto-gen/common';
import type { RelayTicket } from '@sluice/tokens';

/** Reads what the directory sealed. */
export interface TicketReader {
  /** @throws {SluiceError} UNAUTHENTICATED for anything that this cluster did not seal. */
  open(sealed: string): RelayTicket;
}

/** Longest ticket that is even parsed: its names have 384 characters at most. */
const TICKET_MAX_CHARACTERS = 8_192;

/**
 * A ticket for a pull from `from` to `to`.
 *
 * @throws {SluiceError} UNAUTHENTICATED when it is not one of this cluster's, PERMISSION_DENIED when
 * it is for another pull.
 */
export function readTicket(
  tickets: TicketReader,
  sealed: string,
  from: RouterRef,
  to: RouterRef,
): RelayTicket {
  if (sealed.length > TICKET_MAX_CHARACTERS) {
    throw new SluiceError('UNAUTHENTICATED', 'not a valid relay ticket');
  }
  const ticket = tickets.open(sealed);
  const matches =
    ticket.parentRouterId === from.routerId &&
    ticket.pullerNodeId === to.nodeId &&
    ticket.pullerBootId === to.bootId &&
    ticket.pullerRouterId === to.routerId;
  if (!matches) throw new SluiceError('PERMISSION_DENIED', 'the ticket is for another pull');
  return ticket;
}

/** @throws {SluiceError} PERMISSION_DENIED when `ticket` is for another stream or epoch. */
export function requireStream(ticket: RelayTicket, name: StreamName, epoch: number): void {
  if (ticket.streamKey === streamKey(name) && ticket.epoch === epoch) return;
  throw new SluiceError('PERMISSION_DENIED', 'the ticket is for another stream');
}
