import { leasedName } from '../core/lease.js'
import { injectionPoints, type McpTransport, type NameValue } from '../core/mcp-server.js'
import { fillReferences, hasReference, referencesIn } from '../core/secret-ref.js'

/**
 * Headers or variables at which references stand, with values in their place; the others of the transport are not among them.
 * @param values by `leasedName`
 * @throws TypeError for a value that is lacking, or cannot be sent at that place; it says nothing of the value
 */
export function inject(transport: McpTransport, values: ReadonlyMap<string, string>): NameValue[] {
  return injectionPoints(transport).filter(({ value }) => hasReference(value)).map(({ name, value, injectionPoint }) => {
    const filled = fillReferences(value, (one) => {
      const found = values.get(leasedName(one))
      if (found === undefined) throw new TypeError(`${leasedName(one)} was not among the leased values.`)
      return found
    })
    const problem = transport.kind === 'STDIO' ? variableProblem(filled) : headerProblem(filled)
    if (problem === null) return { name, value: filled }
    const named = referencesIn(value, injectionPoint).map(leasedName).join(', ')
    throw new TypeError(`The value of ${named} cannot go into ${injectionPoint}: ${problem} Set it anew.`)
  })
}

/** What HTTP can carry (RFC 9110, 5.5): bytes, no control characters but the tab. Blanks at the ends are lost on the way. */
function headerProblem(value: string): string | null {
  if (/[\r\n]/.test(value)) return 'a header has one line, and the value has a line end.'
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) return 'a header carries no control characters and none beyond Latin-1, and the value has one.'
  return /^[\t ]|[\t ]$/.test(value) ? 'a header carries no blanks at its ends, and the value has one.' : null
}

function variableProblem(value: string): string | null {
  if (value.includes('\0')) return 'a variable ends at a NUL, and the value has one.'
  return value.isWellFormed() ? null : 'a variable is UTF-8, and the value has half a character.'
}
