import { useCallback, useEffect, useRef, useSyncExternalStore } from 'react'
import { type AnyVariables, type TypedDocumentNode, useQuery } from 'urql'
import { type Topic } from './live.js'
import { type Problem, problemOf } from './problem.js'
import { useData } from './use-data.js'

export interface LiveQuery<Result> {
  /** The last answer; stays while it is read again, also when that fails. */
  data: Result | undefined
  /** Why there is no answer, or none as new as it should be. */
  problem: Problem | null
  /** Nothing to show yet. */
  isLoading: boolean
  /** Reads it again now. */
  refresh: () => void
}

export interface LiveQueryOptions<Variables> {
  variables: Variables
  /** What changes it: it is read again whenever the server tells of one of these. */
  topics: readonly Topic[]
  /** True: nothing is asked yet. Default false. */
  pause?: boolean
}

/** A query that keeps itself up to date: cached at once, then read; and read again when the server tells of a change, or is back. */
export function useLiveQuery<Result, Variables extends AnyVariables>(
  query: TypedDocumentNode<Result, Variables>, { variables, topics, pause = false }: LiveQueryOptions<Variables>,
): LiveQuery<Result> {
  const { live } = useData()
  const [{ data, error, fetching }, execute] = useQuery({ query, variables, pause, requestPolicy: 'cache-and-network' })
  const version = useSyncExternalStore(live.watch, () => live.version(topics))
  const seen = useRef(version)
  const refresh = useCallback(() => execute({ requestPolicy: 'network-only' }), [execute])
  useEffect(() => {
    if (seen.current === version) return
    seen.current = version
    if (!pause) refresh()
  }, [version, pause, refresh])
  // Whatever is refused as a whole comes with null.
  return { data: data ?? undefined, problem: error === undefined ? null : problemOf(error), isLoading: fetching && data == null, refresh }
}
