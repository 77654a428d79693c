import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** Which of these processes has a UDP socket on that port; undefined when none has. */
export function ownerOfUdpPort(port: number, pids: readonly number[]): number | undefined {
  const inodes = inodesOf(port);
  return pids.find((pid) => socketsOf(pid).some((inode) => inodes.has(inode)));
}

function inodesOf(port: number): ReadonlySet<string> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = ['/proc/net/udp', '/proc/net/udp6'].flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/)),
  );
  return new Set(rows.filter((row) => row[1]?.endsWith(suffix)).map((row) => row[9] ?? ''));
}

function socketsOf(pid: number): readonly string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${fd}`))?.[1] ?? [];
    } catch {
      // Closed since the folder was read.
      return [];
    }
  });
}
