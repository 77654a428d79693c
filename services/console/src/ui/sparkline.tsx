interface SparklineProps {
  readonly values: readonly number[];
  readonly label: string;
}

const WIDTH = 240;
const HEIGHT = 40;
const POINTS = 60;

/** The course of a value over the last minute; its scale is its own largest value. */
export function Sparkline({ values, label }: SparklineProps) {
  const largest = Math.max(1, ...values);
  const step = WIDTH / (POINTS - 1);
  const firstX = WIDTH - (values.length - 1) * step;
  const points = values.map((value, index) => {
    const y = HEIGHT - 2 - (value / largest) * (HEIGHT - 6);
    return `${(firstX + index * step).toFixed(1)},${y.toFixed(1)}`;
  });
  if (points.length < 2) return null;
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <polygon points={`${firstX.toFixed(1)},${HEIGHT} ${points.join(' ')} ${WIDTH},${HEIGHT}`} />
      <polyline points={points.join(' ')} />
    </svg>
  );
}
