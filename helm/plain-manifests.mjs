import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';

const HEADER = '# Made from the chart by helm/render.mjs; not to be edited.\n';
/** What says that Helm installed an object, which it did not. */
const HELM_LABELS = ['helm.sh/chart', 'app.kubernetes.io/managed-by'];

/**
 * Kustomize's files for several renderings of the chart: what is the same in all of them is the base,
 * the rest of each is its overlay, so that base and overlay together are the rendering.
 *
 * @param {Record<string, string>} renderings YAML by overlay
 * @returns {Record<string, string>} texts by path below k8s/
 */
export function plainManifests(renderings) {
  const overlays = Object.entries(renderings).map(([name, yaml]) => [name, objectsOf(yaml)]);
  const everywhere = ([path, text]) => overlays.every(([, objects]) => objects[path] === text);
  const base = Object.entries(overlays[0][1]).filter(everywhere);
  const files = folder('base', base, []);
  for (const [name, objects] of overlays) {
    const own = Object.entries(objects).filter((entry) => !everywhere(entry));
    Object.assign(files, folder(join('overlays', name), own, ['../../base']));
  }
  return files;
}

/** The objects as texts by file name: one file for one object. */
function objectsOf(yaml) {
  const objects = parseAllDocuments(yaml)
    .map((document) => document.toJS())
    .filter((object) => object && object.metadata.annotations?.['helm.sh/hook'] === undefined);
  return Object.fromEntries(
    objects.map((object) => [
      `${object.metadata.name.replace(/^sluice-/, '')}-${object.kind.toLowerCase()}.yaml`,
      HEADER + stringify(withoutHelm(object), { lineWidth: 0 }),
    ]),
  );
}

function withoutHelm(object) {
  for (const metadata of [object.metadata, object.spec?.template?.metadata]) {
    for (const label of HELM_LABELS) delete metadata?.labels?.[label];
  }
  return object;
}

function folder(path, objects, bases) {
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    ...(bases.length > 0 ? { namespace: 'sluice' } : {}),
    resources: [...bases, ...objects.map(([name]) => name).sort()],
  };
  return Object.fromEntries([
    [join(path, 'kustomization.yaml'), HEADER + stringify(kustomization)],
    ...objects.map(([name, text]) => [join(path, name), text]),
  ]);
}

/** Texts of all files in some folders below `root`, by path. */
export function writtenFiles(root, folders) {
  const files = folders.flatMap((name) =>
    readdirSync(join(root, name), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  return Object.fromEntries(
    files.map((file) => [relative(root, file), readFileSync(file, 'utf8')]),
  );
}
