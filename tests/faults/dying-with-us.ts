import { spawn, type ChildProcess } from 'node:child_process';

/** Starts a program that the system ends when we are ended, however that happens. */
export function spawnDyingWithUs(program: string, args: readonly string[]): ChildProcess {
  return spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin` },
  });
}
