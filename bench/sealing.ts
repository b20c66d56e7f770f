import { nextMessage, startProgram, stopChild } from './child.js'
import { type FromSealer, type SealResult } from './plan.js'

/** One round: of each size, values sealed and opened `warmUp` times, and then `times` times measured, in a fresh process. */
export async function measureSealing({ warmUp, times }: { warmUp: number; times: number }): Promise<SealResult> {
  const child = startProgram('./sealer.ts', [String(warmUp), String(times)])
  try {
    return await nextMessage(child, ({ kind, result }: FromSealer) => kind === 'SEALED' ? result : undefined)
  } finally {
    await stopChild(child)
  }
}
