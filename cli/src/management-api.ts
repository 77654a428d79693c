import { z } from 'zod';
import {
  ingestRow,
  nodeRow,
  problem,
  relayRow,
  streamRow,
  tokenResponse,
  type IngestRow,
  type NodeRow,
  type RelayRow,
  type StreamRow,
} from '@sluice/protocol';
import { Failure } from './failure.js';

const TIMEOUT_MS = 15_000;

const drainResponse = z.object({ deadlineMs: z.number() });

/** A gateway's management API. Every method throws {@link Failure}. */
export class ManagementApi {
  constructor(
    /** Such as http://127.0.0.1:8080/api/v1 */
    readonly url: string,
    private readonly token: string | undefined,
  ) {}

  nodes(): Promise<NodeRow[]> {
    return this.#call('GET', 'nodes', undefined, z.array(nodeRow));
  }

  streams(): Promise<StreamRow[]> {
    return this.#call('GET', 'streams', undefined, z.array(streamRow));
  }

  relays(): Promise<RelayRow[]> {
    return this.#call('GET', 'relays', undefined, z.array(relayRow));
  }

  ingests(): Promise<IngestRow[]> {
    return this.#call('GET', 'ingests', undefined, z.array(ingestRow));
  }

  async addIngest(request: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#call('POST', 'ingests', request, z.unknown());
  }

  async removeIngest(id: string): Promise<void> {
    await this.#call('DELETE', `ingests/${encodeURIComponent(id)}`, undefined, z.unknown());
  }

  async issueToken(request: Readonly<Record<string, unknown>>): Promise<string> {
    return (await this.#call('POST', 'tokens', request, tokenResponse)).token;
  }

  async drain(node: string, request: Readonly<Record<string, unknown>>): Promise<number> {
    const path = `nodes/${encodeURIComponent(node)}/drain`;
    return (await this.#call('POST', path, request, drainResponse)).deadlineMs;
  }

  async undrain(node: string): Promise<void> {
    await this.#call('POST', `nodes/${encodeURIComponent(node)}/undrain`, undefined, z.unknown());
  }

  async #call<Answer>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body: unknown,
    schema: z.ZodType<Answer>,
  ): Promise<Answer> {
    const response = await this.#fetch(method, path, body);
    const text = await response.text();
    const answer = parseJson(text);
    if (!response.ok) throw new Failure(explain(response.status, answer, this.token));
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    throw new Failure(`${this.url} does not answer as a Sluice gateway does; is the URL right?`);
  }

  async #fetch(method: string, path: string, body: unknown): Promise<Response> {
    try {
      return await fetch(`${this.url}/${path}`, {
        method,
        headers: {
          Accept: 'application/json',
          ...(this.token === undefined ? {} : { Authorization: `Bearer ${this.token}` }),
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (error) {
      throw new Failure(`cannot reach ${this.url}: ${reasonOf(error)}`, { cause: error });
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    // Not JSON, and so not a gateway's answer; the caller says so.
    return undefined;
  }
}

function explain(status: number, answer: unknown, token: string | undefined): string {
  const parsed = problem.safeParse(answer);
  const detail = parsed.success ? parsed.data.detail : `the answer was HTTP ${String(status)}`;
  if (status === 401 && token === undefined) {
    return 'this needs an administrator’s token: give --token, --token-file or SLUICE_TOKEN';
  }
  if (status === 401) return `the token was not accepted: ${detail}`;
  if (status === 403) return `the token does not allow it: ${detail}`;
  return detail;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer in time';
  // Where a name has several addresses, each failed; the first says enough.
  const cause: unknown =
    error.cause instanceof AggregateError ? error.cause.errors[0] : error.cause;
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}
