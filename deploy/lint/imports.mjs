import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

import ts from 'typescript';

const TEST = /\.(test|itest|fixture|contract)\.tsx?$/;

/** Files of this repository that a file imports, types alone included. */
export class Imports {
  #ofFile = new Map();
  #ofRooms = new Map();

  /** Undefined for a package, and for what is not there. */
  resolve(file, specifier) {
    if (!specifier.startsWith('.')) {
      return undefined;
    }

    const path = resolve(dirname(file), specifier);
    const candidates = [path.replace(/\.js$/, '.ts'), path.replace(/\.js$/, '.tsx'), path];

    return candidates.find(
      (candidate) => /\.(ts|tsx|mjs)$/.test(candidate) && existsSync(candidate),
    );
  }

  of(file) {
    return this.#ofFile.get(file) ?? this.read(file);
  }

  /** Anew: an editor keeps the linter, and with it what was known before the file changed. */
  read(file) {
    const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'), true, true);
    const resolved = importedFiles.map(({ fileName }) => this.resolve(file, fileName));
    const found = new Set(resolved.filter((path) => path !== undefined));
    const before = this.#ofFile.get(file);

    this.#ofFile.set(file, found);
    if (before !== undefined && before.symmetricDifference(found).size > 0) {
      this.#ofRooms.clear();
    }
    return found;
  }

  /** The files, or rooms, from one to the other by imports, both included; undefined for no way. */
  way(from, to, next = (file) => this.of(file)) {
    const cameFrom = new Map([[from, undefined]]);
    const open = [from];

    for (let at = open.shift(); at !== undefined; at = open.shift()) {
      if (at === to) {
        return back(cameFrom, at);
      }
      for (const one of next(at)) {
        if (!cameFrom.has(one)) {
          cameFrom.set(one, at);
          open.push(one);
        }
      }
    }
    return undefined;
  }

  /** Which rooms, folders right below `domain`, each of them imports from; tests do not count. */
  rooms(domain) {
    if (!this.#ofRooms.has(domain)) {
      const rooms = new Map();

      for (const name of readdirSync(domain, { recursive: true })) {
        const file = join(domain, name);

        if (!/\.tsx?$/.test(name) || TEST.test(name)) {
          continue;
        }
        for (const target of this.of(file)) {
          const [from, to] = [roomOf(domain, file), roomOf(domain, target)];

          if (from !== undefined && to !== undefined && from !== to) {
            rooms.set(from, (rooms.get(from) ?? new Set()).add(to));
          }
        }
      }
      this.#ofRooms.set(domain, rooms);
    }
    return this.#ofRooms.get(domain);
  }
}

/** Undefined for what is in no room: files of the domain itself belong to all. */
export function roomOf(domain, file) {
  const path = relative(domain, file).split(sep);

  return path[0] === '..' || path.length < 2 ? undefined : path[0];
}

function back(cameFrom, to) {
  const way = [];

  for (let at = to; at !== undefined; at = cameFrom.get(at)) {
    way.unshift(at);
  }
  return way;
}
