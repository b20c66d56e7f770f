import { useCallback, useState } from 'react'
import { type AnyVariables, type TypedDocumentNode, useMutation } from 'urql'
import { type Topic } from './live.js'
import { type Problem, problemOf } from './problem.js'
import { useData } from './use-data.js'

export interface Action<Result, Variables> {
  /** Resolves with the answer, or null when it was refused: then `problem` says why. Never rejects. */
  run: (variables: Variables) => Promise<Result | null>
  isRunning: boolean
  /** Why the last try was refused. */
  problem: Problem | null
  /** Forgets the last refusal, as when its input is changed. */
  reset: () => void
}

/** A mutation behind a button. `changed`: what its success changes, read again at once wherever it is shown. */
export function useAction<Result, Variables extends AnyVariables>(mutation: TypedDocumentNode<Result, Variables>, changed: readonly Topic[]): Action<Result, Variables> {
  const { live } = useData()
  const [{ fetching }, execute] = useMutation<Result, Variables>(mutation)
  const [problem, setProblem] = useState<Problem | null>(null)
  const run = useCallback(async (variables: Variables) => {
    setProblem(null)
    const { data, error } = await execute(variables)
    if (error !== undefined || data === undefined) {
      setProblem(error === undefined ? null : problemOf(error))
      return null
    }
    live.touch(changed)
    return data
  }, [execute, live, changed])
  return { run, isRunning: fetching, problem, reset: useCallback(() => setProblem(null), []) }
}
