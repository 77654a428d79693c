import { FakeClock } from '@sluice/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChannelTable } from './channel-table.js';
import { DCEP_ACK, PPID, dcepOpen, readDcep } from './dcep.js';

const CHAT = { label: 'chat', protocol: '', ordered: true };
const GAME = { label: 'game', protocol: 'v1', ordered: false, maxRetransmits: 0 };

function aTable(ours: 'even' | 'odd' = 'even', clock = new FakeClock()) {
  return new ChannelTable({ ours, clientChannelsMax: 2, clock });
}

describe('a channel that the client opens', () => {
  test('is acknowledged, and carries text, binary and empty messages', () => {
    const table = aTable();
    const opened = table.receive(1, PPID.dcep, dcepOpen(GAME));
    expect(opened).toMatchObject({ kind: 'opened', reply: DCEP_ACK });
    expect(table.find(1)).toMatchObject({ streamId: 1, parameters: GAME, openedBy: 'client' });
    const heard = (ppid: number, text: string) => {
      const said = table.receive(1, ppid, Buffer.from(text));
      return said.kind === 'message' ? [said.message.ppid, said.message.payload.toString()] : said;
    };
    expect(heard(PPID.text, 'hello')).toEqual([PPID.text, 'hello']);
    expect(heard(PPID.binary, '\0')).toEqual([PPID.binary, '\0']);
    // The byte that stands for nothing is not one.
    expect(heard(PPID.emptyText, ' ')).toEqual([PPID.emptyText, '']);
    expect(heard(PPID.emptyBinary, '\0')).toEqual([PPID.emptyBinary, '']);
    expect(heard(52, 'partial')).toEqual({ kind: 'ignored' });
  });

  test('takes the place of one that was closed, under the same id', () => {
    const table = aTable();
    table.receive(1, PPID.dcep, dcepOpen(CHAT));
    expect(table.receive(1, PPID.dcep, dcepOpen(GAME)).kind).toBe('opened');
    expect(table.find(1)?.parameters).toEqual(GAME);
    table.forget(1);
    expect(table.receive(1, PPID.text, Buffer.from('late'))).toEqual({ kind: 'ignored' });
  });

  test('is refused on an id of ours, unread, and beyond the bound', () => {
    for (const [ours, own, other] of [['even', 0, 1] as const, ['odd', 1, 0] as const]) {
      const table = aTable(ours);
      expect(table.clientsId(0)).toBe(other);
      const reason = (id: number, message = dcepOpen(CHAT)) =>
        table.receive(id, PPID.dcep, message);
      expect(reason(own)).toEqual({ kind: 'refused', reason: 'not yours' });
      expect(reason(other, Buffer.from([9]))).toEqual({ kind: 'refused', reason: 'malformed' });
      expect(reason(other).kind).toBe('opened');
      expect(reason(other + 2).kind).toBe('opened');
      expect(reason(other + 4)).toEqual({ kind: 'refused', reason: 'too many' });
      expect(table.channels).toHaveLength(2);
    }
  });
});

describe('a channel of ours', () => {
  test('is said again until it is acknowledged', () => {
    const clock = new FakeClock();
    const table = aTable('odd', clock);
    const [channel, request] = table.open(GAME, 65_535) ?? [];
    expect(channel?.streamId).toBe(1);
    expect(readDcep(request ?? Buffer.alloc(0))).toEqual({ type: 'open', parameters: GAME });
    expect(table.repeats()).toEqual([]);
    clock.elapse(1_000);
    expect(table.repeats()).toEqual([{ channel, message: request }]);
    expect(table.repeats()).toEqual([]);
    expect(table.receive(1, PPID.dcep, DCEP_ACK).kind).toBe('acknowledged');
    expect(table.receive(1, PPID.dcep, DCEP_ACK).kind).toBe('ignored');
    clock.elapse(60_000);
    expect(table.repeats()).toEqual([]);
  });

  test('is given up when nothing is heard of it, once', () => {
    const clock = new FakeClock();
    const table = aTable('odd', clock);
    table.open(GAME, 65_535);
    const said = Array.from({ length: 20 }, () => {
      clock.elapse(100_000);
      return table.repeats().map(({ message }) => (message === 'lost' ? 'lost' : 'again'));
    }).flat();
    expect(said).toEqual([...Array<string>(6).fill('again'), 'lost']);
  });

  test('is known to the client that uses it', () => {
    const table = aTable('even');
    table.open(CHAT, 65_535);
    expect(table.isAcknowledged(0)).toBe(false);
    table.receive(0, PPID.text, Buffer.from('hello'));
    expect(table.isAcknowledged(0)).toBe(true);
  });

  test('has an id of its own, unused for as long as can be', () => {
    const table = aTable('even');
    const ids = () => table.open(CHAT, 6)?.[0].streamId;
    expect([ids(), ids(), ids(), ids()]).toEqual([0, 2, 4, undefined]);
    table.forget(2);
    expect(ids()).toBe(2);
    const spacious = aTable('odd');
    for (let id = 1; id < 100; id += 2) {
      expect(spacious.open(CHAT, 65_535)?.[0].streamId).toBe(id);
      spacious.forget(id);
    }
  });
});

test('whatever is opened and closed by whom, ids keep their sides and their bounds', () => {
  const step = fc.record({
    do: fc.constantFrom('we open', 'client opens', 'forget', 'garbage'),
    id: fc.nat({ max: 12 }),
  });
  fc.assert(
    fc.property(fc.constantFrom('even' as const, 'odd' as const), fc.array(step), (ours, steps) => {
      const table = aTable(ours);
      const parity = ours === 'even' ? 0 : 1;
      for (const { do: what, id } of steps) {
        if (what === 'we open') table.open(CHAT, 12);
        if (what === 'client opens') table.receive(id, PPID.dcep, dcepOpen(CHAT));
        if (what === 'forget') table.forget(id);
        if (what === 'garbage') table.receive(id, PPID.dcep, Buffer.from([id]));
        const own = table.channels.filter(({ openedBy }) => openedBy === 'us');
        const clients = table.channels.filter(({ openedBy }) => openedBy === 'client');
        expect(own.every(({ streamId }) => streamId % 2 === parity && streamId < 12)).toBe(true);
        expect(clients.every(({ streamId }) => streamId % 2 !== parity)).toBe(true);
        expect(clients.length).toBeLessThanOrEqual(2);
      }
    }),
  );
});
