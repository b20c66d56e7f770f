import { type Finding } from '../../data/problem.js'
import { isFilledPair, isFilledText, type Pair, type ServerDraft } from './server-draft.js'

/** Fields of the form by their names here; rows have their number behind: `args.0`. What concerns none of them is `whole`. */
export type Findings = (field: string) => readonly Finding[]

const plain = new Map(Object.entries({
  'name': 'name', 'owner': 'owner', 'visibility': 'visibility', 'locked': 'locked', 'apply': 'apply', 'enabled': 'enabled',
  'definition.description': 'description', 'definition.timeoutMs': 'timeoutMs', 'definition.default': 'default', 'definition.transport': 'transport',
}))

/** Findings under the field that each concerns: their paths are those of the input, which has no rows that are still empty. */
export function placeFindings(findings: readonly Finding[], draft: ServerDraft): Findings {
  const placed = new Map<string, Finding[]>()
  for (const finding of findings) {
    const place = placeOf(finding.field, draft)
    placed.set(place, [...placed.get(place) ?? [], finding])
  }
  return (field) => placed.get(field) ?? []
}

function placeOf(path: string, draft: ServerDraft): string {
  const exact = plain.get(path)
  if (exact !== undefined) return exact
  if (path === 'audience' || path.startsWith('audience.')) return 'audience'
  const tools = /^definition\.tools\.(include|exclude)(?:\.(\d+))?$/.exec(path)
  if (tools !== null) {
    const list = tools[1] as 'include' | 'exclude'
    return rowOf(list, tools[2], draft[list].map(isFilledText))
  }
  const transport = `definition.transport.${draft.kind.toLowerCase()}`
  if (path === transport) return 'transport'
  if (!path.startsWith(`${transport}.`)) return 'whole'
  const [field = '', ...rest] = path.slice(transport.length + 1).split('.')
  const parts = rest.join('.')
  if (draft.kind === 'STDIO') {
    if (field === 'args') return rowOf('args', parts, draft.args.map(() => true))
    if (field === 'env') return pairOf('env', parts, draft.env)
    return field === 'command' || field === 'cwd' ? field : 'whole'
  }
  return field === 'headers' ? pairOf('headers', parts, draft.headers) : field === 'url' ? 'url' : 'whole'
}

/** @param sent which rows are in the input */
function rowOf(list: string, number: string | undefined, sent: readonly boolean[]): string {
  if (number === undefined || !/^\d+$/.test(number)) return list
  const row = sent.flatMap((isSent, at) => (isSent ? [at] : []))[Number(number)]
  return row === undefined ? list : `${list}.${row}`
}

/** By name, as rules say it, which may have dots; or by number, as the parser says it. */
function pairOf(list: string, rest: string, pairs: readonly Pair[]): string {
  const byName = pairs.findLastIndex(({ name }) => name === rest)
  if (byName >= 0 && rest !== '') return `${list}.${byName}`
  return rowOf(list, /^(\d+)(?:\.(?:name|value))?$/.exec(rest)?.[1], pairs.map(isFilledPair))
}
