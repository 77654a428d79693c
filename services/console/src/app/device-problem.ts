export type Device = 'camera' | 'microphone' | 'screen';

const WORDS: Readonly<Record<string, (device: Device) => string>> = {
  NotAllowedError: (device) =>
    `The browser does not allow this page to use your ${device}. Allow it beside the address bar, then try again.`,
  NotFoundError: (device) => `No ${device} was found. Connect one, then try again.`,
  NotReadableError: (device) =>
    `Your ${device} is in use by another program, or its driver failed.`,
  OverconstrainedError: (device) => `Your ${device} cannot do what was asked of it.`,
  SecurityError: (device) => `The browser keeps the ${device} from pages like this one.`,
};

export const NO_DEVICES_HERE =
  'The browser gives cameras and microphones only to pages served over HTTPS or from this machine. You can still watch.';

/** Why a device cannot be used, in plain words; undefined where the user only changed their mind. */
export function explainProblem(device: Device, error: unknown): string | undefined {
  const name = error instanceof Error ? error.name : '';
  if (device === 'screen' && name === 'NotAllowedError') return undefined;
  if (name === 'AbortError') return undefined;
  return WORDS[name]?.(device) ?? `Your ${device} cannot be used just now.`;
}
