import { z } from 'zod';
import { DEFAULT_PURPOSE, NAME_MAX_CHARACTERS, ingestAddress } from '@sluice/core';
import type { SecretBox } from '@sluice/tokens';
import type { IngestDefinition } from './domain/ingest.js';

const name = z.string().min(1).max(NAME_MAX_CHARACTERS);

/** As the API takes it. */
const Ingest = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  // Said without the URL: it has credentials.
  url: z.string().refine((url) => ingestAddress(url) !== undefined, {
    error: 'is no rtsp or rtsps URL',
  }),
  room: name,
  participant: name.optional(),
  purpose: name.default(DEFAULT_PURPOSE),
  name: z.string().max(256).optional(),
  onDemand: z.boolean().default(false),
  region: z.string().max(64).default(''),
});
export type ConfiguredIngest = z.output<typeof Ingest>;

const Ingests = z
  .array(Ingest)
  .refine((all) => new Set(all.map(({ id }) => id)).size === all.length, {
    error: 'has an id twice',
  });

/** A JSON array of ingests, or what is wrong with it, which quotes nothing of it. */
export function parseIngests(text: string): {
  readonly ingests?: readonly ConfiguredIngest[];
  readonly problem?: string;
} {
  if (text.trim() === '') return { ingests: [] };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { problem: 'must be a JSON array' };
  }
  const { data, error } = Ingests.safeParse(json);
  if (data) return { ingests: data };
  const [issue] = error.issues;
  const where = issue?.path.join('.') ?? '';
  const what = issue?.code === 'custom' ? issue.message : 'is malformed';
  return { problem: `${where === '' ? 'the array' : where} ${what}` };
}

/** What the keeper is to keep. */
export function definitionOf(ingest: ConfiguredIngest, urls: SecretBox): IngestDefinition {
  const { id, url, room, purpose, onDemand, region } = ingest;
  const participant = ingest.participant ?? id;
  return {
    ingestId: id,
    stream: { room, participant, purpose },
    username: ingest.name ?? participant,
    sealedUrl: urls.close(url),
    address: ingestAddress(url) ?? '',
    onDemand,
    region,
    configured: true,
  };
}

/** Whether two sealed URLs are the same; of what cannot be opened, none is. */
export function sameUrl(a: IngestDefinition, b: IngestDefinition, urls: SecretBox): boolean {
  try {
    return urls.open(a.sealedUrl) === urls.open(b.sealedUrl);
  } catch {
    // Sealed with another cluster's secret.
    return false;
  }
}
