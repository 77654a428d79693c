import { describe, expect, test } from 'vitest';
import { Resource, type ResourceEvents } from './resource.js';

interface ThingEvents extends ResourceEvents {
  changed: [what: string];
}

class Thing extends Resource<ThingEvents> {
  constructor(
    readonly name: string,
    private readonly log: string[] = [],
  ) {
    super();
  }

  adopt<T extends Resource>(child: T): T {
    return this.own(child);
  }

  change(what: string): void {
    this.emit('changed', what);
  }

  protected override release(reason: string): void {
    this.log.push(`${this.name} released: ${reason}`);
  }
}

/** A parent with two children, of which the younger has a child of its own. */
function aFamily() {
  const log: string[] = [];
  const parent = new Thing('parent', log);
  const elder = parent.adopt(new Thing('elder', log));
  const younger = parent.adopt(new Thing('younger', log));
  const grandchild = younger.adopt(new Thing('grandchild', log));
  return { log, parent, elder, younger, grandchild };
}

describe('closing', () => {
  test('a parent closes its children, newest first, before it releases what it holds', () => {
    const { log, parent, grandchild } = aFamily();
    parent.close('done');
    expect(log).toEqual([
      'grandchild released: parent closed',
      'younger released: parent closed',
      'elder released: parent closed',
      'parent released: done',
    ]);
    expect(grandchild.closed).toBe(true);
  });

  test('twice is once', () => {
    const { log, parent } = aFamily();
    const reasons: string[] = [];
    parent.on('closed', (reason) => reasons.push(reason));
    parent.close('first');
    parent.close('second');
    expect(reasons).toEqual(['first']);
    expect(log).toHaveLength(4);
  });

  test('from within its own listener, or its child’s, does no harm', () => {
    const { parent, elder } = aFamily();
    let closings = 0;
    elder.on('closed', () => parent.close('because of elder'));
    parent.on('closed', (reason) => {
      closings += 1;
      expect(reason).toBe('because of elder');
      parent.close();
    });
    elder.close();
    expect(closings).toBe(1);
    expect(elder.closed && parent.closed).toBe(true);
  });

  test('a child that closed itself is let go', () => {
    const { log, parent, elder } = aFamily();
    elder.close('by itself');
    parent.close();
    expect(log.filter((line) => line.startsWith('elder'))).toEqual(['elder released: by itself']);
  });

  test('a child that comes too late is closed at once', () => {
    const { parent } = aFamily();
    parent.close();
    const late = parent.adopt(new Thing('late'));
    expect(late.closed).toBe(true);
  });
});

describe('events', () => {
  test('reach listeners until they are taken off, and never after the close', () => {
    const thing = new Thing('thing');
    const heard: string[] = [];
    const listener = (what: string) => heard.push(what);
    thing.on('changed', listener);
    thing.change('one');
    thing.off('changed', listener);
    thing.change('two');
    thing.on('changed', listener);
    thing.close();
    thing.change('three');
    expect(heard).toEqual(['one']);
  });

  test('closed is last: by then all is released', () => {
    const { log, parent } = aFamily();
    parent.on('closed', () => log.push('told'));
    parent.close();
    expect(log.at(-1)).toBe('told');
  });

  test('who asks for the end after the end is told at once', () => {
    const thing = new Thing('thing');
    const reasons: string[] = [];
    thing.onClosed((reason) => reasons.push(reason));
    thing.close('over');
    thing.onClosed((reason) => reasons.push(reason));
    expect(reasons).toEqual(['over', 'already closed']);
  });
});
