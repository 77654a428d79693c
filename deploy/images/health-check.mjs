// Whether the service in this container works, by its own word; for engines without probes.
const port = /:(\d+)$/.exec(process.env.SLUICE_ADMIN_LISTEN ?? '')?.[1] ?? '9090';
const response = await fetch(`http://127.0.0.1:${port}/readyz`, {
  signal: AbortSignal.timeout(4_000),
});

process.exitCode = response.ok ? 0 : 1;
