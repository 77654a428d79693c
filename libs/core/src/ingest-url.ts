const URL_MAX_CHARACTERS = 2_048;
const DEFAULT_PORTS: ReadonlyMap<string, string> = new Map([
  ['rtsp:', '554'],
  ['rtsps:', '322'],
]);

/**
 * The part of an ingest's URL that may be shown: scheme, host and port. Undefined for what is no
 * `rtsp` or `rtsps` URL that could be pulled from.
 */
export function ingestAddress(text: string): string | undefined {
  // Nothing that would begin another header.
  // eslint-disable-next-line no-control-regex
  if (text.length > URL_MAX_CHARACTERS || /[\u0000-\u0020\u007f]/.test(text)) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const defaultPort = url && DEFAULT_PORTS.get(url.protocol);
  if (!url || defaultPort === undefined || url.hostname === '') return undefined;
  return `${url.protocol}//${url.hostname}:${url.port || defaultPort}`;
}
