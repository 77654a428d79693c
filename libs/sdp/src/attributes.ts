/** The `a=` lines of a session or of one m-line, in order, found by name. */
export class Attributes {
  readonly #values = new Map<string, string[]>();

  /** `line` is what follows `a=`: `name` or `name:value`. */
  add(line: string): void {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line.trimEnd() : line.slice(0, colon);
    // Some clients end lines with a blank.
    const value = colon < 0 ? '' : line.slice(colon + 1).trimEnd();
    const values = this.#values.get(name);
    if (values) values.push(value);
    else this.#values.set(name, [value]);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  first(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }
}
