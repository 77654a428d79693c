/** Something the person at the keyboard can act upon; shown as it is, without a stack. */
export class SetupError extends Error {
  name = 'SetupError';
}
