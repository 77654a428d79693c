import { Icon } from './icons.js';

interface PathChipsProps {
  /** Node ids from the publisher's to ours. */
  readonly path: readonly string[];
  /** Only where it begins and ends, for little room. */
  readonly short?: boolean;
}

/** The nodes that a stream crosses: one where sender and receiver share theirs. */
export function PathChips({ path, short = false }: PathChipsProps) {
  if (path.length === 0) return null;
  const spoken = describePath(path);
  const shown = short && path.length > 2 ? [...path.slice(0, 1), ...path.slice(-1)] : path;
  return (
    <span class="path" data-testid="path" title={spoken}>
      <span class="hidden">{spoken}</span>
      {shown.map((node, index) => (
        <span class="path-part" aria-hidden="true" key={node}>
          {index > 0 && <Icon name={shown === path ? 'arrow' : 'arrowVia'} />}
          <span class="node">{node}</span>
        </span>
      ))}
      {path.length === 1 && !short && (
        <span class="same" aria-hidden="true">
          same node
        </span>
      )}
    </span>
  );
}

function describePath(path: readonly string[]): string {
  return path.length === 1
    ? `on ${path[0] ?? ''}, the same node as you`
    : `from ${path.join(', by relay to ')}`;
}
