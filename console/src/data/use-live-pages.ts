import { useCallback, useEffect, useEffectEvent, useRef, useState, useSyncExternalStore } from 'react'
import { type AnyVariables, type TypedDocumentNode, useClient } from 'urql'
import { type Topic } from './live.js'
import { createPageReader, type PageReader, type PagesState } from './page-reader.js'
import { type Page, type Sight } from './page-segments.js'
import { problem, problemOf } from './problem.js'
import { useData } from './use-data.js'

export interface LivePages<Item> extends PagesState<Item> {
  more: () => void
  refresh: () => void
  /** For a list of which only some rows are in the page: it is these now. More is read when they reach beyond the last. */
  see: (first: number, last: number) => void
}

export interface LivePagesOptions<Result, Variables, Item> {
  /** Without `first` and `after`, which are filled in. Other values are another list; the old one is shown until that is read. */
  variables: Omit<Variables, 'first' | 'after'>
  topics: readonly Topic[]
  /** The connection in the answer. */
  pageOf: (result: Result) => Page<Item>
}

/** A connection of the API as one list that grows by `more` and keeps itself up to date. */
export function useLivePages<Result, Variables extends AnyVariables, Item>(
  query: TypedDocumentNode<Result, Variables>, { variables, topics, pageOf }: LivePagesOptions<Result, Variables, Item>,
): LivePages<Item> {
  const client = useClient()
  const { live } = useData()
  const [state, setState] = useState<PagesState<Item>>({ items: [], hasMore: false, isLoading: true, problem: null })
  const reader = useRef<PageReader>(null)
  const key = JSON.stringify(variables)
  const version = useSyncExternalStore(live.watch, () => live.version(topics))
  const seen = useRef(version)
  const sight = useRef<Sight>({ first: 0, last: Infinity })
  const read = useEffectEvent(async (after: string | null, first: number) => {
    const { data, error } = await client.query(query, { ...JSON.parse(key), first, after } as Variables, { requestPolicy: 'network-only' }).toPromise()
    // Whatever is refused as a whole comes with null.
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- what is shown, not where it came from
    if (data == null) throw error === undefined ? problem('The server did not answer.') : problemOf(error)
    return pageOf(data)
  })
  useEffect(() => {
    const own = createPageReader<Item>({ read, changed: setState, sight: () => sight.current })
    reader.current = own
    own.refresh()
    return own.stop
  }, [client, key])
  useEffect(() => {
    if (seen.current === version) return
    seen.current = version
    reader.current?.refresh()
  }, [version])
  const { length } = state.items
  return {
    ...state,
    more: useCallback(() => reader.current?.more(), []),
    refresh: useCallback(() => reader.current?.refresh(), []),
    see: useCallback((first, last) => {
      sight.current = { first, last }
      if (last >= length) reader.current?.more()
      reader.current?.look()
    }, [length]),
  }
}
