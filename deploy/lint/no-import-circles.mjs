import { basename } from 'node:path';

import { Imports, roomOf } from './imports.mjs';

const DOMAIN = /^.*\/src\/domain(?=\/)/;

/** One for all files of a run. */
const imports = new Imports();

/**
 * Files, and the folders of a service's `domain/`, import each other one way only: whoever reads a
 * folder needs those below it and no other.
 */
export const noImportCircles = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      files: 'files import each other in a circle: {{way}}',
      folders: 'folders of the domain import each other in a circle: {{way}}',
    },
  },
  create(context) {
    const file = context.physicalFilename;
    imports.read(file);

    const check = ({ source }) => {
      const target =
        typeof source?.value === 'string' ? imports.resolve(file, source.value) : undefined;

      if (target === undefined) {
        return;
      }

      const way = imports.way(target, file);

      if (way !== undefined) {
        report(
          'files',
          source,
          [file, ...way].map((path) => basename(path)),
        );
        return;
      }

      const rooms = roomCircle(file, target);

      if (rooms !== undefined) {
        report('folders', source, rooms);
      }
    };
    const report = (messageId, node, way) =>
      context.report({ node, messageId, data: { way: way.join(' → ') } });

    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};

function roomCircle(file, target) {
  const [domain] = DOMAIN.exec(file) ?? [];

  if (domain === undefined) {
    return undefined;
  }

  const [from, to] = [roomOf(domain, file), roomOf(domain, target)];
  const rooms = imports.rooms(domain);

  // A test may import from above; its imports make no way back.
  if (from === undefined || to === undefined || !rooms.get(from)?.has(to)) {
    return undefined;
  }

  const way = from === to ? undefined : imports.way(to, from, (room) => rooms.get(room) ?? []);

  return way && [from, ...way];
}
