import { nextMessage, startProgram, stopChild } from './child.js'
import { type EvaluationResult, type FromEvaluator } from './plan.js'

/** One round: each sort of definition judged `warmUp` times, and then `times` times measured, in a fresh process. */
export async function measureEvaluation({ warmUp, times }: { warmUp: number; times: number }): Promise<EvaluationResult> {
  const child = startProgram('./evaluator.ts', [String(warmUp), String(times)])
  try {
    return await nextMessage(child, ({ kind, result }: FromEvaluator) => kind === 'EVALUATED' ? result : undefined)
  } finally {
    await stopChild(child)
  }
}
