/** A moment for people, to the minute: `2026-01-31 12:05 UTC`. `iso`: as JSON has it, in UTC. */
export function timeText(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`
}
