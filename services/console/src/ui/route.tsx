interface RouteProps {
  readonly publisher: string;
  /** Node ids from the publisher's to ours. */
  readonly path: readonly string[];
}

/** The way of a stream, stop by stop. */
export function Route({ publisher, path }: RouteProps) {
  const stops = [
    { what: publisher, note: 'sends' },
    ...path.map((node, index) => ({ what: node, note: noteOf(index, path.length) })),
    { what: 'You', note: 'receive' },
  ];
  return (
    <ol class="route" data-testid="route">
      {stops.map(({ what, note }, index) => {
        const end = index === 0 || index === stops.length - 1;
        return (
          <li key={index} class={end ? 'stop end' : 'stop'}>
            <span class="stop-name">{what}</span>
            <span class="stop-note">{note}</span>
          </li>
        );
      })}
    </ol>
  );
}

function noteOf(index: number, nodes: number): string {
  if (nodes === 1) return 'the node of you both: no relay';
  if (index === 0) return 'origin';
  return index === nodes - 1 ? 'your node, by relay' : 'by relay';
}
