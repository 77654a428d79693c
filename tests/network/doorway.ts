// A program: `doorway <from> <to>` passes on connections. Each is a port of loopback or the path of a
// Unix socket, which processes of all network namespaces share. It ends with its standard input.
import { createConnection, createServer } from 'node:net';

const [from = '', to = ''] = process.argv.slice(2);
const isPath = (end: string) => end.startsWith('/');

const server = createServer((near) => {
  const far = isPath(to) ? createConnection(to) : createConnection(Number(to), '127.0.0.1');
  near.on('error', () => far.destroy()).on('close', () => far.destroy());
  far.on('error', () => near.destroy()).on('close', () => near.destroy());
  near.pipe(far).pipe(near);
});
const ready = () => process.stdout.write('ready\n');
if (isPath(from)) server.listen(from, ready);
else server.listen(Number(from), '127.0.0.1', ready);

process.stdin.on('end', () => process.exit()).resume();
