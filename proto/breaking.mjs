// Compares the protocol with that of the last release: services of both run side by side while a
// cluster is upgraded. Without a release there is nothing to compare with.
import { resolve } from 'node:path';

import { runAsScript } from '../deploy/setup/entry-point.mjs';
import { repositoryRoot } from '../deploy/setup/repository-root.mjs';
import { runCommand } from '../deploy/setup/run-command.mjs';
import { say } from '../deploy/setup/say.mjs';

async function git(...args) {
  const { exitCode, output } = await runCommand('git', args, { cwd: repositoryRoot });

  return exitCode === 0 ? output.trim() : undefined;
}

/** The newest release before this state, such as v0.2.0. */
function lastRelease() {
  return git('describe', '--tags', '--abbrev=0', '--match', 'v[0-9]*', 'HEAD^');
}

runAsScript(import.meta.url, async () => {
  const release = await lastRelease();

  if (release === undefined) {
    say('there is no release yet with whose protocol this one could be compared');
    return;
  }

  const repository = resolve(
    repositoryRoot,
    (await git('rev-parse', '--git-common-dir')) ?? '.git',
  );
  const against = `${repository}#tag=${release},subdir=proto`;
  const { exitCode, output } = await runCommand(
    'buf',
    ['breaking', 'proto', '--against', against],
    {
      cwd: repositoryRoot,
    },
  );

  if (exitCode !== 0) {
    say(`services of ${release} and these would not understand each other:\n${output}`);
    process.exitCode = 1;
  }
});
