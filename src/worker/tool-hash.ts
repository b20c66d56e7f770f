import { createHash } from 'node:crypto'
import { isPinnableName, pinnedText } from '../core/tool-pin.js'

/** What a definition is pinned by; null: it cannot be pinned, so nobody can accept it. */
export function toolHash(name: string | null, definition: object | string): string | null {
  if (name !== null && !isPinnableName(name)) return null
  try {
    return createHash('sha256').update(pinnedText(definition)).digest('hex')
  } catch {
    // A number without end, or more than anybody looks at.
    return null
  }
}
