// Prints an administrator's token for the cluster of compose.yaml, good for a day.
import { readVariables } from './command.mjs';

readVariables();
await import('../images/administrator-token.mjs');
