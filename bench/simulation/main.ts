import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { seededRandom } from '@sluice/testing';
import { simulateAudience } from './audience.js';
import { simulationPage } from './simulation-page.js';
import { simulateSmallRooms } from './small-rooms.js';

/** From bench/dist/simulation/. */
const PAGE = new URL('../../../docs/simulation.md', import.meta.url);
const SEED = 1;
const VIEWERS = Number(process.env['SLUICE_SIMULATED_VIEWERS'] ?? 1_000_000);
const ROOMS = Number(process.env['SLUICE_SIMULATED_ROOMS'] ?? 100_000);

const audience = await simulateAudience(VIEWERS, seededRandom(SEED));
const rooms = await simulateSmallRooms(ROOMS, seededRandom(SEED));
const cpu = cpus()[0]?.model ?? 'unknown';
const machine = `${cpu}, ${availableParallelism()} cores, Node.js ${process.versions.node}`;
const page = simulationPage(audience, rooms, machine);
process.stdout.write(page);
writeFileSync(PAGE, page);

const shapes = [audience.full, audience.afterChurn, audience.afterDeaths, rooms.worst];
const problems = shapes.flatMap((shape) => shape.problems);
if (problems.length > 0) {
  process.stderr.write(`${problems.slice(0, 20).join('\n')}\n`);
  process.exitCode = 1;
}
