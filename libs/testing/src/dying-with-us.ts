/** For `spawn()`: a program that the system ends when we are ended, however that happens. */
export function dyingWithUs(program: string, args: readonly string[]): [string, string[]] {
  return ['setpriv', ['--pdeathsig', 'KILL', program, ...args]];
}
