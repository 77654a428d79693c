import { runService } from '@sluice/service-kit';
import { compose } from './compose.js';
import { loadConfig } from './config.js';

await runService(process, () => compose(loadConfig(process.env)), {
  service: 'gateway',
  instanceId: process.env['SLUICE_GATEWAY_ID'],
  environment: process.env,
});
