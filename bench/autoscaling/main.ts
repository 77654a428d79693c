// Prints what several targets of the autoscaler come to, as docs/operations.md says it.
import { seededRandom } from '@sluice/testing';
import { runClosedLoop } from './closed-loop.js';
import { RAMP_LENGTH_S, chartSpec, loadRamp } from './load-ramp.js';

for (const target of [0.5, 0.55, 0.6, 0.65, 0.7]) {
  for (const seed of [1, 2, 3]) {
    const random = seededRandom(seed);
    const { replicas, deletions, ...outcome } = runClosedLoop(
      chartSpec(target),
      loadRamp(random),
      RAMP_LENGTH_S,
      random,
    );
    const most = Math.max(...replicas);
    const wrong = deletions.filter(({ sessions, fewestKept }) => sessions > fewestKept).length;
    console.log(JSON.stringify({ target, seed, most, last: replicas.at(-1), wrong, ...outcome }));
  }
}
