import { useCallback, useState } from 'react'
import { type AnyVariables, type TypedDocumentNode } from 'urql'
import { type Topic } from './live.js'
import { type Problem } from './problem.js'
import { type Action } from './use-action.js'
import { useAsk } from './use-ask.js'
import { useData } from './use-data.js'

/** As `useAction`, for what holds a secret: `useMutation` would keep the variables of the last one beside its answer for as long as the component lives. */
export function useUnkeptAction<Result, Variables extends AnyVariables>(mutation: TypedDocumentNode<Result, Variables>, changed: readonly Topic[]): Action<Result, Variables> {
  const { live } = useData()
  const ask = useAsk(mutation)
  const [isRunning, setRunning] = useState(false)
  const [problem, setProblem] = useState<Problem | null>(null)
  const run = useCallback(async (variables: Variables) => {
    setProblem(null)
    setRunning(true)
    const answer = await ask(variables)
    setRunning(false)
    setProblem(answer.problem)
    if (answer.data !== null) live.touch(changed)
    return answer.data
  }, [ask, live, changed])
  return { run, isRunning, problem, reset: useCallback(() => setProblem(null), []) }
}
