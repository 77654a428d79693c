import { z } from 'zod';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A bad environment: every mistake at once, names and never values. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';

  constructor(problems: readonly string[]) {
    super(['invalid configuration:', ...problems.map((problem) => `  ${problem}`)].join('\n'));
  }
}

/**
 * Reads a flat schema of environment variables. An empty variable counts as not set.
 *
 * @throws {ConfigurationError} listing every bad variable.
 */
export function readEnvironment<Schema extends z.ZodType>(
  schema: Schema,
  environment: Environment,
): z.output<Schema> {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(set, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw new ConfigurationError(
    parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'environment'}: ${explain(issue)}`,
    ),
  );
}

// zod's own texts may quote what was received; these never do.
function explain(issue: z.core.$ZodIssue): string {
  if (issue.code === 'custom') return issue.message;
  if (issue.code === 'invalid_type' && issue.input === undefined) return 'is required';
  if (issue.code === 'invalid_type') {
    return `must be a ${issue.expected === 'int' ? 'whole number' : issue.expected}`;
  }
  if (issue.code === 'too_small') return `must be at least ${String(issue.minimum)}`;
  if (issue.code === 'too_big') return `must be at most ${String(issue.maximum)}`;
  if (issue.code === 'invalid_value')
    return `must be one of ${issue.values.map(String).join(', ')}`;
  return 'is malformed';
}

const HOST_PORT = /^(\[[0-9a-fA-F:.]+\]|[^:\s[\]]+):\d{1,5}$/;

/** host:port; port 0 takes a free one. */
export const hostPort = () =>
  z.string().refine((value) => HOST_PORT.test(value) && Number(value.split(':').at(-1)) <= 65_535, {
    error: 'must be host:port',
  });

/** A UDP or TCP port; 0 takes a free one. */
export const port = () => z.coerce.number().int().min(0).max(65_535);

/** A secret shared by the cluster's services: at least 32 characters, as HS256 wants 256 bits. */
export const secret = () =>
  z.string().refine((value) => value.length >= 32, { error: 'needs at least 32 characters' });

/** The variables that every service has, in the order in which the READMEs list them. */
export const COMMON_VARIABLES = {
  SLUICE_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Least severe level that is logged.'),
  SLUICE_ADMIN_LISTEN: hostPort()
    .default('127.0.0.1:0')
    .describe('Where /livez, /readyz and /metrics answer.'),
  SLUICE_NATS_URL: z.string().min(1).describe('Comma-separated NATS servers.'),
  SLUICE_NATS_CREDENTIALS_FILE: z.string().optional().describe('A NATS .creds file.'),
  SLUICE_NATS_TLS_CA_FILE: z
    .string()
    .optional()
    .describe('PEM; who signs the certificates of NATS, which is then spoken to by TLS alone.'),
  SLUICE_NATS_TLS_CERT_FILE: z
    .string()
    .optional()
    .describe('PEM certificate that NATS is shown, with the next.'),
  SLUICE_NATS_TLS_KEY_FILE: z.string().optional().describe('PEM key of it.'),
  SLUICE_CLUSTER_SECRET: secret().describe(
    'Signs what only the cluster itself reads: resume tokens and relay tickets.',
  ),
  SLUICE_GRPC_TLS_CA_FILE: z
    .string()
    .optional()
    .describe('PEM; with the next two: mTLS between services.'),
  SLUICE_GRPC_TLS_CERT_FILE: z.string().optional().describe('PEM certificate of this service.'),
  SLUICE_GRPC_TLS_KEY_FILE: z.string().optional().describe('PEM key of this service.'),
  SLUICE_GRPC_TLS_SERVER_NAME: z
    .string()
    .min(1)
    .max(253)
    .optional()
    .describe('A name in the certificate of every service; unset, each has its own address in it.'),
  SLUICE_GRPC_INSECURE: z
    .stringbool()
    .default(false)
    .describe('Allows gRPC in clear text beyond loopback. Pipe keys travel over it.'),
};

/** Whether host:port is this machine's loopback interface. */
export function isLoopback(address: string): boolean {
  const host = address.slice(0, address.lastIndexOf(':'));
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
