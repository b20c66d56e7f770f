import { useCallback } from 'react'
import { type AnyVariables, type TypedDocumentNode } from 'urql'
import { problem, type Problem, problemOf } from './problem.js'
import { useData } from './use-data.js'

export interface Answer<Result> {
  data: Result | null
  problem: Problem | null
}

/**
 * A question or a change whose variables are kept nowhere: not in the cache, not in the state of a component. For what may hold a secret: what is typed
 * before it was looked through, and secrets themselves. Never rejects.
 */
export function useAsk<Result, Variables extends AnyVariables>(document: TypedDocumentNode<Result, Variables>): (variables: Variables) => Promise<Answer<Result>> {
  const { uncached } = useData()
  return useCallback(async (variables: Variables) => {
    const { data, error } = await (isMutation(document) ? uncached.mutation(document, variables) : uncached.query(document, variables)).toPromise()
    if (error !== undefined) return { data: null, problem: problemOf(error) }
    return data === undefined ? { data: null, problem: problem('The server did not answer.') } : { data, problem: null }
  }, [uncached, document])
}

function isMutation({ definitions }: { definitions: ReadonlyArray<{ kind: string; operation?: string }> }): boolean {
  return definitions.some(({ operation }) => operation === 'mutation')
}
