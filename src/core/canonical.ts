/**
 * One text for one value (S25): keys sorted by code unit, no white space, no `undefined`.
 * The digest of a definition is the sha-256 of this text, so key order and formatting never change it.
 * (The form of RFC 8785 for the JSON that definitions can hold: strings, booleans, integers, null, lists, maps.)
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') {
    const text = JSON.stringify(value) as string | undefined
    // JSON writes NaN and Infinity as null, and two different values must never have one text.
    if (text === undefined || (typeof value === 'number' && !Number.isFinite(value))) throw new TypeError(`${typeof value} has no canonical form`)
    return text
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`)
  return `{${members.join(',')}}`
}
