/** Why an ingest does not run. Its text is shown to whoever may see the ingest, so it quotes nothing. */
export const INGEST_FAILURES = {
  notAllowed: 'its address is not in a network that may be pulled from',
  notFound: 'its host cannot be found',
  unreachable: 'it cannot be reached',
  untrusted: 'its certificate is not trusted',
  late: 'it does not answer in time',
  unauthorized: 'it refuses the credentials',
  noStream: 'it has no such stream',
  refused: 'it refuses the request',
  redirected: 'it redirects elsewhere, which is not followed',
  malformed: 'it answers what is not RTSP',
  noMedia: 'it has neither H.264 video nor audio that can be used',
  profile: 'its H.264 profile is one that browsers cannot show',
  silent: 'it sends nothing any more',
  lost: 'the connection was lost',
  ffmpegMissing: 'ffmpeg cannot be started on its node',
  ffmpegLate: 'ffmpeg did not begin in time',
  ffmpegEnded: 'ffmpeg ended',
  nameInUse: 'somebody else publishes the stream',
  unavailable: 'the cluster cannot take the stream now',
} as const;

export type IngestFailureKind = keyof typeof INGEST_FAILURES;

/** Something that ends one attempt to pull. */
export class IngestFailure extends Error {
  override readonly name = 'IngestFailure';

  constructor(
    readonly kind: IngestFailureKind,
    options: ErrorOptions & { readonly detail?: string } = {},
  ) {
    const { detail = '', ...rest } = options;
    super(detail === '' ? INGEST_FAILURES[kind] : `${INGEST_FAILURES[kind]}: ${detail}`, rest);
  }
}
