import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const CORES = availableParallelism();
/** Files side by side whose tests wait most of the time: more than there are cores. */
const WAITING_LANES = Math.max(3, CORES);
/** The same where browsers encode and decode. */
const BROWSER_LANES = Math.max(2, CORES - 1);

/** Files that take longest, and have fewer lines, by which vitest judges, than others. */
const LONG = [
  'e2e/fresh-clone.e2e.ts',
  'e2e/umbrella.e2e.ts',
  'e2e/dialects.e2e.ts',
  'sdp/test/fuzz.itest.ts',
  'history/directory.itest.ts',
  'gateway/test/failover.itest.ts',
];

/** So that no single file is waited for at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const ofProjects = Map.groupBy(await super.sort(files), ({ project }) => project.name);
    const isLong = ({ moduleId }: TestSpecification) =>
      LONG.some((name) => moduleId.endsWith(name));
    return [...ofProjects.values()].flatMap((some) => [
      ...some.filter(isLong),
      ...some.filter((file) => !isLong(file)),
    ]);
  }
}

export default defineConfig({
  test: {
    // Its groups are those whose files run side by side in the same number.
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'libs/*/src/**/*.test.ts',
            'services/*/src/**/*.test.ts',
            'cli/src/**/*.test.ts',
            'deploy/local/src/**/*.test.ts',
            'bench/**/*.test.ts',
            'tests/faults/**/*.test.ts',
            'tests/observability/**/*.test.ts',
            'tests/interop/**/*.test.ts',
          ],
          testTimeout: 20_000,
          // Loading the modules anew for each file took longer than the tests.
          isolate: false,
        },
      },
      {
        test: {
          name: 'integration',
          sequence: { groupOrder: 1 },
          include: [
            'libs/*/test/**/*.itest.ts',
            'services/*/test/**/*.itest.ts',
            'cli/test/**/*.itest.ts',
            'tests/integration/**/*.itest.ts',
            'tests/history/**/*.itest.ts',
          ],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: WAITING_LANES,
        },
      },
      {
        test: {
          name: 'interop',
          sequence: { groupOrder: 3 },
          include: ['tests/interop/**/*.interop.ts'],
          // As long as those before it in the network namespace need.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          maxConcurrency: 3,
        },
      },
      {
        test: {
          name: 'network',
          sequence: { groupOrder: 3 },
          include: ['tests/network/**/*.network.ts'],
          testTimeout: 240_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'narrow',
          sequence: { groupOrder: 3 },
          include: ['tests/network/**/*.on-demand.ts'],
          testTimeout: 240_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'chart',
          include: ['tests/chart/**/*.chart.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          sequence: { groupOrder: 2 },
          include: ['tests/e2e/**/*.e2e.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          maxWorkers: BROWSER_LANES,
        },
      },
      {
        test: {
          name: 'containers',
          sequence: { groupOrder: 3 },
          include: ['tests/containers/**/*.containers.ts'],
          // Its image cannot be had without a registry; what is left behind is removed otherwise.
          env: { TESTCONTAINERS_RYUK_DISABLED: 'true' },
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'faults',
          sequence: { groupOrder: 4 },
          include: ['tests/faults/**/*.fault.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          maxWorkers: Number(process.env['SLUICE_FAULT_LANES'] ?? 1),
        },
      },
    ],
  },
});
