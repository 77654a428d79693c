import { textOption, type Arguments, type Surroundings } from './command.js';
import { Failure, UsageError } from './failure.js';
import { ManagementApi } from './management-api.js';

export const DEFAULT_API = 'http://127.0.0.1:8080/api/v1';

/** The API that the options or the environment name; options win. */
export function accessTo(given: Arguments, surroundings: Surroundings): ManagementApi {
  const { environment } = surroundings;
  const url = textOption(given, 'api') ?? nonEmpty(environment['SLUICE_API']) ?? DEFAULT_API;
  return new ManagementApi(apiUrl(url), tokenOf(given, surroundings));
}

/** A gateway's address is enough: `/api/v1` is added where no path is given. */
function apiUrl(text: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`'${text}' is no http or https URL, such as ${DEFAULT_API}`);
  }
  const path = url.pathname === '/' ? '/api/v1' : url.pathname.replace(/\/+$/, '');
  return `${url.origin}${path}`;
}

function tokenOf(given: Arguments, { environment, readFile }: Surroundings): string | undefined {
  const typed = textOption(given, 'token');
  const file = textOption(given, 'token-file');
  if (typed !== undefined) return checked(typed);
  if (file !== undefined) return fromFile(file, readFile);
  const inherited = nonEmpty(environment['SLUICE_TOKEN']);
  if (inherited !== undefined) return checked(inherited);
  const inheritedFile = nonEmpty(environment['SLUICE_TOKEN_FILE']);
  return inheritedFile === undefined ? undefined : fromFile(inheritedFile, readFile);
}

function fromFile(path: string, readFile: (path: string) => string): string {
  try {
    return checked(readFile(path));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure(`cannot read the token: ${reason}`, { cause: error });
  }
}

/** What could not stand in a header is no token, and is not to be shown. */
function checked(text: string): string {
  const token = text.trim();
  if (/^[\w.~+/=-]+$/.test(token)) return token;
  throw new UsageError('that is not a token: it must be one word of letters, digits and . _ -');
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
