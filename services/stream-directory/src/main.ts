import process from 'node:process';
import { runService } from '@sluice/service-kit';
import { compose } from './compose.js';
import { loadConfig } from './config.js';

await runService(process, async () => compose(loadConfig(process.env)), {
  service: 'stream-directory',
  environment: process.env,
});
