/** A worker that reported within this time counts as connected. It reports at least every 30 seconds. */
export const connectedForMs = 90_000

export function isConnected(seenAt: Date, now: Date): boolean {
  return now.getTime() - seenAt.getTime() <= connectedForMs
}
