import { z } from 'zod'
import { line, parseInput } from './parse.js'

/** The worker's process that took a probe; nobody else may answer. */
export interface ProbeTaker {
  tokenId: string
  workerId: string
  processId: string
}

/** What a worker must prove to be who took a probe. */
export function isTaker({ taker }: { taker: ProbeTaker | null }, { tokenId, workerId, processId }: ProbeTaker): boolean {
  return taker !== null && taker.tokenId === tokenId && taker.workerId === workerId && taker.processId === processId
}

export function parseTaker(tokenId: string, input: { workerId: string; processId: string }): ProbeTaker {
  return { tokenId, ...parseInput(z.object({ workerId: line(200, 1), processId: line(200, 1) }), { workerId: input.workerId, processId: input.processId }, '') }
}
