import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { createLatest, type Latest } from './latest.js'
import { type Topic } from './live.js'
import { type Problem } from './problem.js'
import { useAsk } from './use-ask.js'
import { useData } from './use-data.js'

const quietMs = 250
/** What of others' doing makes another answer of the same input. */
const topics: readonly Topic[] = ['entries', 'policy', 'secrets', 'people']

export interface DryRun<Answer> {
  /** The last one; of what was typed before while `isStale`. */
  answer: Answer | null
  /** Why there is none. */
  problem: Problem | null
  /** What is typed now was not answered yet. */
  isStale: boolean
}

type Asked<Result> = Awaited<ReturnType<ReturnType<typeof useAsk<Result, object>>>>

/** Asks again whenever the input is another one, and whenever the server's answer may be. null: nothing to ask about. */
export function useDryRun<Result, Variables extends object>(document: Parameters<typeof useAsk<Result, Variables>>[0], variables: Variables | null): DryRun<Result> {
  const ask = useAsk(document)
  const { live } = useData()
  const version = useSyncExternalStore(live.watch, () => live.version(topics))
  const key = variables === null ? null : JSON.stringify(variables)
  const [told, setTold] = useState<Asked<Result> & { question: string }>()
  const latest = useRef<Latest<string>>(null)
  useEffect(() => {
    const own = createLatest<string, Asked<Result>>({ quietMs, ask: (text) => ask(JSON.parse(text) as Variables), tell: (answer, question) => setTold({ ...answer, question }) })
    latest.current = own
    return own.stop
  }, [ask])
  useEffect(() => {
    if (key !== null) latest.current?.give(key)
  }, [key, version])
  if (key === null) return { answer: null, problem: null, isStale: false }
  return { answer: told?.data ?? null, problem: told?.problem ?? null, isStale: told?.question !== key }
}
