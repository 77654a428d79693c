import { ensureBuilt } from '../../deploy/local/build.mjs';
import { runAsScript } from '../../deploy/setup/entry-point.mjs';

runAsScript(import.meta.url, ensureBuilt);
