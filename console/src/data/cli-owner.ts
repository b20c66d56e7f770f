import { shellQuoted } from '../../../src/core/definition-text.js'
import { type Scope } from './scope.js'

/** The option that names an owner to the CLI, with the space before it; the words are the same as in paths. Left out where it is the command's default. */
export function cliOwner(scope: Scope, byDefault: Scope): string {
  return scope === byDefault ? '' : ` --owner ${shellQuoted(scope)}`
}
