// What `make network` starts once the npm packages are there: bad networks, also those that
// `make test` leaves out, and docs/network.md from what was seen.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import { ensureBuilt } from '../../deploy/local/build.mjs';
import { ensureNatsServer } from '../../deploy/setup/nats-server.mjs';
import { repositoryRoot } from '../../deploy/setup/repository-root.mjs';
import { say } from '../../deploy/setup/say.mjs';
import { SetupError } from '../../deploy/setup/setup-error.mjs';
import { INTEROP_TOOLS, ensureTestTools } from '../../deploy/setup/test-tools.mjs';
import { ensureWorker } from '../../deploy/setup/worker.mjs';

try {
  process.env.MEDIASOUP_WORKER_BIN = await ensureWorker();
  process.env.SLUICE_NATS_SERVER = await ensureNatsServer();
  process.env.SLUICE_CHROMIUM = (await ensureTestTools(INTEROP_TOOLS)).chromium;
  await ensureBuilt();
} catch (error) {
  say(error instanceof SetupError ? `\n${error.message}` : error.stack);
  process.exit(1);
}

for (const name of ['loss', 'narrow', 'narrow-more']) rmSync(resultOf(name), { force: true });

const command = ['run', '--project', 'network', '--project', 'narrow'];
const { status } = spawnSync('vitest', command, { cwd: repositoryRoot, stdio: 'inherit' });

const page = `# Bad networks

Written by \`make network\` (tests/network); what stands here was seen in its last run. Viewers are Chromiums; one of them is in a network namespace. “Sent again” is of all packets, “lost after that” what came neither at first nor again.

## Loss

A wire in user space loses and delays packets of UDP, in both directions of a viewer’s link and of the pipe between two nodes. \`make test\` holds this to at most 0.1 % lost after retransmission, and no still picture for more than a second.

${readFileSync(resultOf('loss'), 'utf8')}

## A narrow link

The wire carries 300 kbit/s over a viewer’s link, one packet after the other, 20 ms away; what would wait for more than 300 ms is lost. The picture has two layers of about 120 and 450 kbit/s, by simulcast. Ten seconds each. \`make test\` holds this to a moving small picture while another viewer sees the full one, and to the full picture’s return; a busy machine makes the link look wider at times, and then the larger picture is tried.

${readFileSync(resultOf('narrow'), 'utf8')}

The same once more, held to the small picture alone and to no still of more than a second; of AV1 in one stream of layers (SVC); and of simulcast where \`tc\` limits the link by a token bucket of 4 kB, which lets short bursts pass as if there were no limit. A link of that kind looks wide enough until the full picture is sent; each time it was not, the next try is longer in coming, up to a minute. \`make test\` leaves these out.

While the small picture alone is sent the estimate grows by itself to one and a half times of what is sent, 250 to 300 kbit/s, which the full picture does not fit into: it comes back by mediasoup’s probes ([ADR 15](adr/0015-layers-and-narrow-links.md)).

${readFileSync(resultOf('narrow-more'), 'utf8')}
`;

writeFileSync(
  join(repositoryRoot, 'docs', 'network.md'),
  await format(page, { parser: 'markdown', printWidth: 100 }),
);
process.exitCode = status ?? 1;

function resultOf(name) {
  return join(repositoryRoot, 'test-results', `network-${name}.md`);
}
