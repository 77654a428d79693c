/** A text table: columns as wide as they must be, two spaces between them. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows.map((row) => row.map(printable))];
  const widths = header.map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length)),
  );
  return lines
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** Names are typed by strangers: none may move the cursor of whoever reads the table. */
function printable(cell: string): string {
  return cell.replaceAll(/\p{C}/gu, '\uFFFD');
}
