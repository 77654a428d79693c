/** Parameters of an `a=fmtp` line; whole numbers are numbers, as mediasoup compares them. */
export type FormatParameters = Record<string, string | number>;

const MAX_PARAMETERS = 32;
const MAX_VALUE_BYTES = 512;
const NAME = /^[A-Za-z0-9-]{1,64}$/;
const VALUE = /^[!-:<-~]+$/;
const WHOLE_NUMBER = /^(?:0|[1-9]\d{0,8})$/;
/** Written as digits, but names of bits: `profile-level-id=640032`. */
const TEXTUAL = new Set(['profile-level-id']);

/** Reads `a=1;b=2`; what is not of that form is left out. */
export function parseFormatParameters(text: string): FormatParameters {
  const parameters: FormatParameters = Object.create(null) as FormatParameters;
  for (const part of text.split(';', MAX_PARAMETERS)) {
    const equals = part.indexOf('=');
    if (equals < 0) continue;
    const name = part.slice(0, equals).trim().toLowerCase();
    const value = part.slice(equals + 1).trim();
    if (!NAME.test(name) || value.length > MAX_VALUE_BYTES || !VALUE.test(value)) continue;
    parameters[name] = WHOLE_NUMBER.test(value) && !TEXTUAL.has(name) ? Number(value) : value;
  }
  return { ...parameters };
}

/** The opposite of `parseFormatParameters`. */
export function writeFormatParameters(parameters: FormatParameters): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${value}`)
    .join(';');
}

/** Parameters out of one of mediasoup's dictionaries, which type them loosely. */
export function toFormatParameters(
  parameters: Readonly<Record<string, unknown>> | undefined,
): FormatParameters {
  const entries = Object.entries(parameters ?? {}).filter(
    (entry): entry is [string, string | number] =>
      typeof entry[1] === 'string' || typeof entry[1] === 'number',
  );
  return Object.fromEntries(entries);
}
