import process from 'node:process';
import { runService } from '@sluice/service-kit';
import { compose } from './compose.js';
import { loadConfiguration } from './config.js';

await runService(process, () => {
  const config = loadConfiguration(process.env);
  // mediasoup's workers inherit the environment, and parse what strangers send.
  delete process.env['SLUICE_CLUSTER_SECRET'];
  return compose(config);
});
