import type { Dashboard, Panel } from './queries.js';
import type { Series } from './prometheus-server.js';

/** What each query of a panel gave, in the order of its queries. */
export type PanelResults = readonly (readonly Series[])[];

const WIDTH = 560;
const HEIGHT = 150;
const COLOURS = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd', '#ff7f0e', '#17becf', '#8c564b'];
const LEGENDS_MAX = 12;

/** A page that shows a dashboard's results where there is no Grafana: one graph for each panel. */
export function dashboardPage(
  { title, panels }: Dashboard,
  resultsOf: (panel: Panel) => PanelResults,
): string {
  const figures = panels.map((panel) => figure(panel, resultsOf(panel))).join('\n');
  return `<!doctype html><meta charset="utf-8"><title>${escaped(title)}</title>
<style>
  body { font: 13px sans-serif; margin: 16px; width: 1180px }
  main { display: grid; grid-template-columns: 1fr 1fr; gap: 12px }
  figure { margin: 0; border: 1px solid #ccc; border-radius: 4px; padding: 8px }
  figcaption { font-weight: bold }
  p { color: #555; margin: 2px 0 6px; font-size: 11px }
  small { display: inline-block; margin-right: 10px }
</style>
<h1>${escaped(title)}</h1><main>${figures}</main>`;
}

function figure(panel: Panel, results: PanelResults): string {
  const lines = results.flatMap((all, query) =>
    all.map((series) => ({ series, name: nameOf(series, panel.queries[query]?.legend ?? '') })),
  );
  const points = lines.flatMap(({ series }) => series.points);
  const [from, to] = extent(points.map(([at]) => at));
  const [, highest] = extent([...points.map(([, value]) => value), 0]);
  const paths = lines.map(({ series }, index) => {
    const place = ([at, value]: readonly [number, number]) =>
      `${(((at - from) / (to - from || 1)) * WIDTH).toFixed(1)},${(HEIGHT - (value / (highest || 1)) * (HEIGHT - 10)).toFixed(1)}`;
    return `<polyline fill="none" stroke-width="1.5" stroke="${colour(index)}" points="${series.points.map(place).join(' ')}"/>`;
  });
  const legend = lines.slice(0, LEGENDS_MAX).map(({ series, name }, index) => {
    const last = series.points.at(-1)?.[1] ?? 0;
    return `<small style="color:${colour(index)}">${escaped(name)} ${short(last)}</small>`;
  });
  return `<figure><figcaption>${escaped(panel.title)} <small>(${escaped(panel.unit)}, up to ${short(highest)})</small></figcaption>
<p>${escaped(panel.description)}</p><svg width="${WIDTH}" height="${HEIGHT}">${paths.join('')}</svg><div>${legend.join('')}</div></figure>`;
}

function nameOf({ labels }: Series, legend: string): string {
  if (legend === '' || legend === '__auto') return Object.values(labels).join(' ');
  return legend.replace(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? '');
}

function extent(values: readonly number[]): [number, number] {
  return values.length === 0
    ? [0, 1]
    : values.reduce<[number, number]>(
        ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
        [Infinity, -Infinity],
      );
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] ?? 'black';
}

function short(value: number): string {
  return value === 0 ? '0' : Number(value.toPrecision(3)).toLocaleString('en');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
