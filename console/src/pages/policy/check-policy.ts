import { type PolicyDocument, policyDocumentSchema } from '../../../../src/core/policy-document.js'
import { type JsonPlaces, jsonPlaces, lineAndColumn, type Path, pathKey } from '../../data/json-places.js'
import { type Finding } from '../../data/problem.js'
import { jsonFault } from '../../parts/json-fault.js'
import { namesKnownAt } from './policy-guide-text.js'

/** A finding with its place in the text. */
export interface PlacedFinding extends Omit<Finding, 'effect'> {
  /** From 1. */
  line: number
  /** In UTF-16 units, for the editor. */
  at: number
}

export interface CheckedPolicy {
  /** null: it cannot be set as it is, and `findings` say why. */
  document: PolicyDocument | null
  findings: PlacedFinding[]
}

/** What the server would refuse of a text, before it is asked: the same schema, with every problem and its line. */
export function checkPolicy(text: string): CheckedPolicy {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    const fault = jsonFault(text) ?? { line: 1, column: 1, message: 'this is no JSON' }
    const at = text.split('\n').slice(0, fault.line - 1).reduce((sum, line) => sum + line.length + 1, 0) + fault.column - 1
    return { document: null, findings: [{ rule: 'json', field: `line ${fault.line}, column ${fault.column}`, message: fault.message, line: fault.line, at }] }
  }
  const found = jsonPlaces(text)
  const place = (path: Path) => placed(text, found, path)
  const twice = found.repeated.map(({ path, at }): PlacedFinding => ({
    rule: 'json', field: path.join('.'), message: 'stands here twice, and the one before does not count', mend: 'Keep one of them.', ...lineAndColumn(text, at), at,
  }))
  const parsed = policyDocumentSchema.safeParse(value)
  if (parsed.success) return { document: twice.length === 0 ? parsed.data : null, findings: twice }
  const refused = parsed.error.issues.flatMap((issue): PlacedFinding[] => {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)))
    if (issue.code !== 'unrecognized_keys') return [{ rule: 'policy', field: path.join('.') || 'the document', message: issue.message, ...place(path) }]
    const mend = `Known here: ${namesKnownAt(path).join(', ')}.`
    return issue.keys.map((key) => ({ rule: 'policy', field: [...path, key].join('.'), message: 'is not known here; leave it out', mend, ...place([...path, key]) }))
  })
  return { document: null, findings: [...twice, ...refused].sort((one, other) => one.at - other.at) }
}

/** The place of a path, or of the nearest that is there: what is missing has none. */
function placed(text: string, { places }: JsonPlaces, path: Path): { line: number; at: number } {
  const at = places.get(pathKey(path)) ?? (path.length === 0 ? 0 : placed(text, { places, repeated: [] }, path.slice(0, -1)).at)
  return { line: lineAndColumn(text, at).line, at }
}

/** The place of a finding of the server, such as `document.urls.insecureHttp.0`. */
export function placeOfField(text: string, field: string): PlacedFinding['line'] | null {
  const path = field.split('.').slice(field.startsWith('document') ? 1 : 0).map((part) => (/^\d+$/.test(part) ? Number(part) : part))
  try {
    JSON.parse(text)
  } catch {
    return null
  }
  return placed(text, jsonPlaces(text), path).line
}
