import { getContainerRuntimeClient } from 'testcontainers';
import { isRunning } from '../processes.js';

const RUN_LABEL = 'sluice.test.run';
const OWNER_LABEL = 'sluice.test.owner';

/** Of everything that one run of the tests makes: by them it is found and removed. */
export function labelsOf(run: string): Record<string, string> {
  return { [RUN_LABEL]: run, [OWNER_LABEL]: String(process.pid) };
}

/** Removes containers, networks and volumes of one run. */
export async function removeOf(run: string): Promise<void> {
  await removeLabelled([`${RUN_LABEL}=${run}`], run);
}

/** Removes what runs have left behind whose process has ended without doing so. */
export async function removeLeftBehind(): Promise<void> {
  const { container } = await getContainerRuntimeClient();
  const filters = { label: [RUN_LABEL] };
  const [containers, networks] = await Promise.all([
    container.dockerode.listContainers({ all: true, filters }),
    container.dockerode.listNetworks({ filters }),
  ]);
  const labels = [...containers, ...networks].map(({ Labels }) => Labels ?? {});
  const runs = new Map(labels.map((found) => [found[RUN_LABEL] ?? '', found[OWNER_LABEL]]));
  for (const [run, owner] of runs) if (!isRunning(Number(owner))) await removeOf(run);
}

async function removeLabelled(label: readonly string[], run: string): Promise<void> {
  const { container } = await getContainerRuntimeClient();
  const engine = container.dockerode;
  const filters = { label: [...label] };
  const containers = await engine.listContainers({ all: true, filters });
  await Promise.all(
    containers.map(({ Id }) => engine.getContainer(Id).remove({ force: true, v: true })),
  );
  for (const { Id } of await engine.listNetworks({ filters })) await engine.getNetwork(Id).remove();
  // Made by binding them, so without labels; they are named after their run.
  const { Volumes } = await engine.listVolumes({ filters: { name: [run] } });
  for (const { Name } of Volumes) await engine.getVolume(Name).remove();
}
