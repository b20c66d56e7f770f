import { type Measured } from '../graphql/limits.js'

/** What was sent with an operation. */
export interface Sent {
  /** Characters of the document and of all texts in its variables. */
  characters: () => number
}

/** So many characters of a text that is read entry by entry are paid for like one change. */
const charactersOfOneChange = 10_000

/** What a root field costs beyond the one point of any other; these do work that no size of an answer tells of. */
const weights = new Map<string, (sent: Sent) => number>([
  ['importCatalog', ({ characters }) => Math.floor(characters() / charactersOfOneChange)],
  // Every entry that the caller may see is judged twice.
  ['simulatePolicy', () => 99],
  // Four hundred rows are hashed.
  ['auditChains', () => 9],
  // What few events match is looked for in a whole chain.
  ['auditEvents', () => 4],
  // All names are looked through.
  ['auditTargets', () => 4],
  // Every entry is judged anew.
  ['setPolicy', () => 19],
  // A worker starts a process or connects.
  ['requestProbe', () => 9],
])

/** Points of the fields of the root, each as often as it stands there. */
export function weightOf(names: Measured['names'], sent: Sent): number {
  let points = 0
  for (const [name, count] of names) points += count * (1 + (weights.get(name)?.(sent) ?? 0))
  return points
}

/** Characters of all texts inside a value, however deep they are. */
export function charactersIn(value: unknown): number {
  let characters = 0
  const pending = [value]
  while (pending.length > 0) {
    const one = pending.pop()
    if (typeof one === 'string') characters += one.length
    else if (typeof one === 'object' && one !== null) for (const member of Object.values(one)) pending.push(member)
  }
  return characters
}
