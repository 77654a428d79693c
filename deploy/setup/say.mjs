/** One line about what is being done, on stderr: stdout belongs to a script's result. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}
