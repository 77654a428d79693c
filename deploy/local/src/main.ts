import { fileURLToPath } from 'node:url';
import { announcement, readyOf } from './announcement.js';
import { Cluster } from './cluster.js';
import { readLocalConfiguration } from './local-configuration.js';
import { isFree } from './loopback-port.js';
import { openRunLogs } from './run-logs.js';
import type { ServiceExit } from './service-process.js';

const USUAL_PORT = 8080;
const TOKEN_TTL_SECONDS = 86_400;
const RUN_LOGS = fileURLToPath(new URL('../../../.run/logs', import.meta.url));

let ending: Promise<never> | undefined;

async function main(): Promise<void> {
  const { port, logFolder, keepGoing, ...size } = readLocalConfiguration(process.env);
  const cluster = new Cluster({
    ...size,
    environment: process.env,
    port: await gatewayPort(port),
    logFolder: logFolder ?? openRunLogs(RUN_LOGS, new Date(), process.pid),
    onServiceDied: (name, exit) => {
      if (ending) return;
      const report = `${name} died (${how(exit)}); its log: ${cluster.logPathOf(name)}`;
      if (keepGoing) say(report);
      else void end(cluster, 1, report);
    },
  });
  endOnSignals(cluster);
  try {
    await cluster.start();
    process.stdout.write(announcement(readyOf(cluster, await adminToken(cluster), process.pid)));
  } catch (error) {
    await end(cluster, 1, `cannot start: ${(error as Error).message}`);
  }
}

async function gatewayPort(wanted: number | undefined): Promise<number> {
  if (wanted === undefined) return (await isFree(USUAL_PORT)) ? USUAL_PORT : 0;
  if (await isFree(wanted)) return wanted;
  throw new Error(
    `Port ${wanted} (SLUICE_PORT) is taken. Set SLUICE_PORT to a free one, or unset it and one will be chosen.`,
  );
}

function adminToken(cluster: Cluster): Promise<string> {
  return cluster.token({
    subject: 'admin',
    name: 'Administrator',
    host: true,
    admin: true,
    ttlSeconds: TOKEN_TTL_SECONDS,
  });
}

function endOnSignals(cluster: Cluster): void {
  const onSignal = () => {
    if (ending) void cluster.abort();
    else void end(cluster, 0, 'stopping (once more: at once)');
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, onSignal);
}

/** Stops everything and exits. Whoever calls first decides how. */
function end(cluster: Cluster, code: number, report: string): Promise<never> {
  if (!ending) say(report);
  return (ending ??= cluster.stop().then(() => process.exit(code)));
}

function how({ code, signal }: ServiceExit): string {
  return signal ?? `exit code ${code}`;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

try {
  await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
