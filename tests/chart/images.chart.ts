import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { REPOSITORY_ROOT, containerOf, deploymentOf, renderExample } from './rendered-chart.js';
import { SERVICES, serviceConfiguration } from './service-configurations.js';

const dockerfile = readFileSync(join(REPOSITORY_ROOT, 'deploy', 'images', 'Dockerfile'), 'utf8');

/** The instructions of one stage, or of several that follow each other in the making of an image. */
function stages(...names: string[]): string {
  const byName = dockerfile.split(/^FROM /m).map((stage) => {
    const name = /\bAS (\S+)$/m.exec(stage.split('\n')[0] ?? '')?.[1];
    return [name, stage] as const;
  });
  return names
    .map((name) => {
      const found = byName.find(([other]) => other === name)?.[1];
      if (found === undefined) throw new Error(`the Dockerfile has no stage ${name}`);
      return found;
    })
    .join('\n');
}

const lastUser = (text: string) => [...text.matchAll(/^USER (.+)$/gm)].at(-1)?.[1];

describe.each(SERVICES)('the image of %s', (service) => {
  const text = stages('runtime', 'media-runtime', service);

  test('sets only variables that the service reads', async () => {
    const { variables } = await serviceConfiguration(service);
    const names = [...text.matchAll(/\b(SLUICE_[A-Z_]+)=/g)].map(([, name = '']) => name);
    expect(names.filter((name) => !variables.has(name))).toEqual([]);
    expect(names).toContain('SLUICE_ADMIN_LISTEN');
  });

  test('runs as the user that the chart asks for', () => {
    const { securityContext } = deploymentOf(renderExample('default'), service).spec.template.spec;
    expect(lastUser(text)).toBe(`${securityContext.runAsUser}:${securityContext.runAsUser}`);
  });

  test('starts the service behind an init that does not signal the workers', () => {
    expect(text).toContain('ENTRYPOINT ["/usr/bin/tini", "--"]');
    expect(text).toContain(`CMD ["node", "services/${service}/dist/main.js"]`);
  });

  test('is the one that the chart starts', () => {
    const { image } = containerOf(deploymentOf(renderExample('default'), service));
    expect(image).toBe(`sluice/${service}:0.1.0`);
  });
});

test('the base image is an argument, and every stage is made from it', () => {
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base = '']) => base);
  const own = new Set([...dockerfile.matchAll(/^FROM \S+ AS (\S+)/gm)].map(([, name]) => name));
  const foreign = bases.filter((base) => !own.has(base));
  expect(foreign).toEqual(['${NODE_IMAGE}', '${WORKER}']);
});
