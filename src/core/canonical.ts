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
  let members = ''
  for (const key of sorted(Object.keys(value))) {
    const member = (value as Record<string, unknown>)[key]
    if (member === undefined) continue
    members += `${members === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(member)}`
  }
  return `{${members}}`
}

/** By code unit. Most lists of keys are short or sorted already, where the engine's own sort is slower and wants more memory. */
function sorted(keys: string[]): string[] {
  if (keys.length > 20) return keys.sort()
  for (let at = 1; at < keys.length; at++) {
    const key = keys[at]!
    let to = at
    for (; to > 0 && keys[to - 1]! > key; to--) keys[to] = keys[to - 1]!
    keys[to] = key
  }
  return keys
}

/** Whether two values have one canonical form. Much cheaper than writing both, and done at the first difference. */
export function isEqualJson(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  if (Array.isArray(one) || Array.isArray(other)) {
    return Array.isArray(one) && Array.isArray(other) && one.length === other.length && one.every((item, at) => isEqualJson(item, other[at]))
  }
  const [left, right] = [one as Record<string, unknown>, other as Record<string, unknown>]
  for (const key in left) if (!isEqualJson(left[key], right[key])) return false
  for (const key in right) if (right[key] !== undefined && left[key] === undefined) return false
  return true
}
