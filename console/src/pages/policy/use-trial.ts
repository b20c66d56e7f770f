import { useCallback, useState } from 'react'
import { type Problem } from '../../data/problem.js'
import { useAsk } from '../../data/use-ask.js'
import { type SetPolicyInput, TryPolicyDocument, type TryPolicyQuery } from '../../generated/graphql.js'

export type Effect = TryPolicyQuery['simulatePolicy']['nodes'][number]

export interface Trial {
  /** What was tried: of another text it says nothing. */
  text: string
  revision: number
  effects: readonly Effect[]
  /** There are more than were read. */
  isMore: boolean
}

const pageSize = 500
/** Nobody reads more of them; the CLI lists all. */
const mostEffects = 5_000

/** What a document would change if it were saved. Asked for and never repeated by itself: an admin's look at what people did not share is recorded. */
export function useTrial() {
  const ask = useAsk(TryPolicyDocument)
  const [trial, setTrial] = useState<Trial | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [isRunning, setRunning] = useState(false)
  const run = useCallback(async (text: string, input: SetPolicyInput): Promise<Trial | null> => {
    setRunning(true)
    const effects: Effect[] = []
    let after: string | null = null
    let isMore = true
    let refused: Problem | null = null
    while (refused === null && isMore && effects.length < mostEffects) {
      const answer: Awaited<ReturnType<typeof ask>> = await ask({ input, first: pageSize, after })
      refused = answer.problem
      const page = answer.data?.simulatePolicy
      effects.push(...page?.nodes ?? [])
      after = page?.pageInfo.endCursor ?? null
      isMore = page?.pageInfo.hasNextPage ?? false
    }
    const found = refused === null ? { text, revision: input.expectedRevision, effects, isMore } : null
    setRunning(false)
    setProblem(refused)
    setTrial(found)
    return found
  }, [ask])
  return { run, trial, problem, isRunning, reset: useCallback(() => setProblem(null), []) }
}
