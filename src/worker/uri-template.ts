/**
 * Whether a URI can be of a template (RFC 6570). Without regular expressions: templates come from strangers, and one could
 * be made to take for ever. The literal parts have to come in their order; a plain `{name}` holds no slash. A template has
 * to begin with its scheme, or one server's `{+everything}` would take in the resources of all others.
 */
export function isOfTemplate(uri: string, template: string): boolean {
  // Literals at even places, expressions at odd ones.
  const parts = template.split(/\{([^{}]*)\}/)
  const first = parts[0]!
  if (!/^[a-z][a-z0-9+.-]*:/i.test(first) || !uri.startsWith(first)) return false
  let at = first.length
  for (let place = 1; place < parts.length; place += 2) {
    const [expression, literal] = [parts[place]!, parts[place + 1]!]
    const isLast = place + 2 === parts.length
    const end = isLast ? uri.length - literal.length : uri.indexOf(literal, literal === '' ? uri.length : at)
    if (end < at || !uri.startsWith(literal, end)) return false
    const value = uri.slice(at, end)
    if (!/^[+#/?&;]/.test(expression) && (value === '' || value.includes('/'))) return false
    at = end + literal.length
  }
  return at === uri.length
}
