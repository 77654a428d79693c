import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isRunning } from '../processes.js';

/** A cable between this machine and the namespace, with an address at each end. */
export interface Link {
  readonly here: string;
  readonly there: string;
}

const PREFIX = 'sluice-';
/** A hardware address that nobody has. */
const NOBODY = '02:00:00:00:00:01';
const IP = ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip'].find((path) => existsSync(path));

/**
 * A network of its own on this machine, for the processes of one service, with cables that can be
 * cut as those far away are: nothing arrives any more, and no interface goes down.
 */
export class NetworkNamespace {
  readonly #name = `${PREFIX}${process.pid}`;
  /** Of a pair of interfaces that is always up, for services that both sides reach. */
  readonly home: string;
  readonly links: readonly Link[];

  /** @param cables how many */
  constructor(cables: number) {
    removeForgotten();
    const net = `198.18.${process.pid % 250}`;
    this.home = `${net}.201`;
    this.links = Array.from({ length: cables }, (_, index) => ({
      here: `${net}.${4 * index + 1}`,
      there: `${net}.${4 * index + 2}`,
    }));
    try {
      this.#make();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** Why there can be none here; undefined where there can. */
  static obstacle(): string | undefined {
    if (IP === undefined) return 'iproute2 is not installed';
    try {
      new NetworkNamespace(1).remove();
      return undefined;
    } catch {
      return 'this user may not make network namespaces';
    }
  }

  /** What is put before a command to start it inside. */
  get wrapper(): readonly string[] {
    return [IP ?? 'ip', 'netns', 'exec', this.#name];
  }

  cut(...links: readonly Link[]): void {
    const forNobody = ['lladdr', NOBODY, 'nud', 'permanent'];
    for (const link of links) this.#neighbours(link, 'replace', forNobody);
  }

  heal(...links: readonly Link[]): void {
    for (const link of links) this.#neighbours(link, 'delete', []);
  }

  /** Its processes have ended by then. */
  remove(): void {
    for (const name of [...this.links.map((_, index) => this.#outer(index)), this.#outer('h')]) {
      if (existsSync(`/sys/class/net/${name}`)) ip('link', 'delete', name);
    }
    if (existsSync(`/run/netns/${this.#name}`)) ip('netns', 'delete', this.#name);
  }

  #make(): void {
    ip('link', 'add', this.#outer('h'), 'type', 'veth', 'peer', 'name', this.#outer('i'));
    ip('address', 'add', `${this.home}/32`, 'dev', this.#outer('h'));
    ip('link', 'set', this.#outer('h'), 'up');
    ip('link', 'set', this.#outer('i'), 'up');
    ip('netns', 'add', this.#name);
    this.#inside('link', 'set', 'lo', 'up');
    for (const [index, { here, there }] of this.links.entries()) {
      const [outer, inner] = [this.#outer(index), `cable${index}`];
      ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', inner, 'netns', this.#name);
      ip('address', 'add', `${here}/30`, 'dev', outer);
      ip('link', 'set', outer, 'up');
      this.#inside('address', 'add', `${there}/30`, 'dev', inner);
      this.#inside('link', 'set', inner, 'up');
    }
    // All but the cables' own ends is reached by the first.
    this.#inside('route', 'add', 'default', 'via', this.links[0]?.here ?? '');
  }

  /** What each end of a cable knows of the other. */
  #neighbours(link: Link, change: 'replace' | 'delete', known: readonly string[]): void {
    const index = this.links.indexOf(link);
    ip('neighbour', change, link.there, 'dev', this.#outer(index), ...known);
    this.#inside('neighbour', change, link.here, 'dev', `cable${index}`, ...known);
  }

  #outer(which: number | string): string {
    return `sl${process.pid}-${which}`;
  }

  #inside(...words: readonly string[]): void {
    ip('-netns', this.#name, ...words);
  }
}

/** Those of test runs that were killed. */
function removeForgotten(): void {
  for (const line of ip('netns', 'list').split('\n')) {
    const [name = ''] = line.split(' ');
    const pid = Number(name.slice(PREFIX.length));
    // Its interfaces go with it.
    if (name.startsWith(PREFIX) && pid > 0 && !isRunning(pid)) ip('netns', 'delete', name);
  }
}

function ip(...words: readonly string[]): string {
  return execFileSync(IP ?? 'ip', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
