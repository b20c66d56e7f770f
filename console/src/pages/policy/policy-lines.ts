import { cliLine, unless } from '../../data/cli-line.js'
import { type Scope } from '../../data/scope.js'

export const showPolicyLine = (scope: Scope): string => cliLine('policy show', [], { owner: unless('deployment', scope) })

/** Tries a document, then saves it, over the revision that was looked at. */
export function policyLines(scope: Scope, revision: number): string {
  const options = { owner: unless('deployment', scope), expected: String(revision) }
  return ['policy simulate', 'policy set'].map((command) => cliLine(command, ['policy.json'], options)).join('\n')
}
