/** Which of many nodes have something, so that none of the others has to be asked. */
export class Whereabouts<Key, Node> {
  readonly #counts = new Map<Key, Map<Node, number>>();

  /** A node may have several of one key. */
  add(key: Key, node: Node): void {
    const nodes = this.#counts.get(key) ?? new Map<Node, number>();
    this.#counts.set(key, nodes);
    nodes.set(node, (nodes.get(node) ?? 0) + 1);
  }

  remove(key: Key, node: Node): void {
    const nodes = this.#counts.get(key);
    const left = (nodes?.get(node) ?? 0) - 1;
    if (left > 0) nodes?.set(node, left);
    else nodes?.delete(node);
    if (nodes?.size === 0) this.#counts.delete(key);
  }

  /** In the order in which they first had it. */
  of(key: Key): Iterable<Node> {
    return this.#counts.get(key)?.keys() ?? [];
  }
}
