import process from 'node:process';
import { runService } from '@sluice/service-kit';
import { compose } from './compose.js';
import { loadConfiguration } from './config.js';

const start = () => {
  const config = loadConfiguration(process.env);
  // mediasoup's workers inherit the environment, and parse what strangers send.
  delete process.env['SLUICE_CLUSTER_SECRET'];
  return compose(config);
};

await runService(process, start, {
  service: 'media-worker',
  instanceId: process.env['SLUICE_NODE_ID'],
  environment: process.env,
});
