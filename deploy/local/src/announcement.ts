import type { RunningService } from './cluster.js';

/** All that the line for scripts says. URLs are complete. */
export interface Ready {
  readonly console: string;
  readonly ws: string;
  readonly api: string;
  /** An administrator's: every room, every grant. */
  readonly token: string;
  readonly health: string;
  readonly nodes: readonly ReadyService[];
  readonly gateways: readonly ReadyService[];
  readonly directories: readonly ReadyService[];
  readonly nats: { readonly url: string; readonly pid: number };
  /** The process to signal for the end of all. */
  readonly pid: number;
  readonly logs: string;
}

export interface ReadyService {
  readonly id: string;
  readonly pid: number;
  /** host:port */
  readonly grpc?: string;
  readonly http?: string;
  /** Where /livez, /readyz and /metrics answer. */
  readonly admin?: string;
}

interface Announced {
  readonly origin: string;
  readonly ws: string;
  readonly api: string;
  readonly natsUrl: string;
  readonly logFolder: string;
  services(kind?: 'nats' | 'directory' | 'node' | 'gateway'): readonly RunningService[];
}

const DEMO_ROOM = 'demo';

export function readyOf(cluster: Announced, token: string, pid: number): Ready {
  const fragment = new URLSearchParams({ token, room: DEMO_ROOM });
  return {
    console: `${cluster.origin}/#${fragment.toString()}`,
    ws: cluster.ws,
    api: cluster.api,
    token,
    health: `${cluster.origin}/health`,
    nodes: cluster.services('node').map(readyService),
    gateways: cluster.services('gateway').map(readyService),
    directories: cluster.services('directory').map(readyService),
    nats: { url: cluster.natsUrl, pid: cluster.services('nats')[0]?.pid ?? 0 },
    pid,
    logs: cluster.logFolder,
  };
}

function readyService({ name, pid, addresses }: RunningService): ReadyService {
  const { grpc, http, admin } = addresses;
  return {
    id: name,
    pid,
    ...(grpc === undefined ? {} : { grpc }),
    ...(http === undefined ? {} : { http }),
    ...(admin === undefined ? {} : { admin }),
  };
}

/** What a person reads, with the line for scripts at its end. */
export function announcement(ready: Ready): string {
  const nodes = ready.nodes.map(({ id }) => id).join(', ');
  return `
Sluice runs: ${ready.gateways.length} gateway, ${ready.directories.length} directory, media nodes ${nodes}.

  Open this page in two browsers and join the same room:
    ${ready.console}

  Clients       ${ready.ws}
  API           ${ready.api}
  Logs          ${ready.logs}
  Stop          Ctrl-C

  All of it listens on this machine only. The link holds an administrator's token, good for a day.
  GET requests to the API need no token here, nor do the dialects that know none elsewhere
  (sfu-to-sfu, pion-sfu, umbrella); everything else does.

READY ${JSON.stringify(ready)}
`;
}
