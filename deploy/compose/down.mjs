// Stops the cluster of compose.yaml, with all profiles, and removes what it kept.
import { runAsScript } from '../setup/entry-point.mjs';
import { compose, readVariables } from './command.mjs';

/** Stopping needs none, yet Docker Compose wants to be told. */
const NO_SECRETS = { SLUICE_CLUSTER_SECRET: '-', SLUICE_TOKEN_SECRET: '-' };

runAsScript(import.meta.url, async () => {
  readVariables();

  const { exitCode } = await compose(['--profile', '*', 'down', '--volumes', '--remove-orphans'], {
    env: { ...NO_SECRETS, ...process.env },
  });

  process.exitCode = exitCode;
});
