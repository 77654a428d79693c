/** Why a host ended a session, which then must not be replaced. They travel in CloseSession.reason. */
export const HOST_REASONS = {
  removed: 'removed by the host',
  ended: 'the host ended the room',
} as const;

export function isByHost(reason: string): boolean {
  return Object.values<string>(HOST_REASONS).includes(reason);
}
