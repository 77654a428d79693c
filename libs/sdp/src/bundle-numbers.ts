import type { Codec } from './codecs.js';
import type { Extension } from './header-extensions.js';

/** What an m-line uses of the numbers that all m-lines of a BUNDLE share. */
export interface NumbersUsed {
  readonly codecs: readonly Codec[];
  readonly extensions: readonly Extension[];
}

/**
 * The payload types and header-extension ids in use in a BUNDLE. There one number means one thing
 * on all m-lines (RFC 8843 §9.1, RFC 8285 §5): browsers refuse a description that breaks this. For
 * extensions we also hold the reverse, one id for each, because Chromium offers an extension under
 * the id it saw last, on m-lines that had another one too, and dies of the change.
 */
export class BundleNumbers {
  readonly #codecs = new Map<number, string>();
  readonly #uris = new Map<number, string>();
  readonly #ids = new Map<string, number>();

  static of(lines: Iterable<NumbersUsed>): BundleNumbers {
    const numbers = new BundleNumbers();
    for (const line of lines) numbers.add(line);
    return numbers;
  }

  add(line: NumbersUsed): void {
    for (const codec of line.codecs) this.#codecs.set(codec.payloadType, meaningOf(codec));
    for (const { id, uri } of line.extensions) {
      this.#uris.set(id, uri);
      this.#ids.set(uri, id);
    }
  }

  /** Whether the codec's payload type is free, or means this very codec already. */
  canUseCodec(codec: Codec): boolean {
    return (this.#codecs.get(codec.payloadType) ?? meaningOf(codec)) === meaningOf(codec);
  }

  /** Whether id and extension are both free, or belong together already. */
  canUseExtension({ id, uri }: Extension): boolean {
    return (this.#uris.get(id) ?? uri) === uri && (this.#ids.get(uri) ?? id) === id;
  }

  /** Whether the extension is in use under this id. */
  usesExtension({ id, uri }: Extension): boolean {
    return this.#uris.get(id) === uri;
  }
}

function meaningOf({ mimeType, clockRate, channels, parameters }: Codec): string {
  const telling = ['apt', 'packetization-mode', 'profile-id'].map((name) => parameters[name] ?? 0);
  const profile = String(parameters['profile-level-id'] ?? '').slice(0, 4);
  return [mimeType.toLowerCase(), clockRate, channels ?? 1, ...telling, profile.toLowerCase()].join(
    ' ',
  );
}
