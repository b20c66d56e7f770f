import { type CombinedError } from 'urql'
import { type FindingEffect } from '../generated/graphql.js'

/** What a rule says about one field of an input. */
export interface Finding {
  rule: string
  effect: FindingEffect
  /** Dotted path, e.g. `definition.transport.http.url`. */
  field: string
  message: string
  mend?: string | null
}

/** A refusal as the console shows it: what, which field, and the mend. */
export interface Problem {
  /** Of the closed list of the API; UNAVAILABLE when no answer came. */
  code: string
  message: string
  field: string | null
  mend: string | null
  findings: Finding[]
}

export const problem = (message: string, mend: string | null = null, code = 'UNAVAILABLE'): Problem => ({ code, message, field: null, mend, findings: [] })

/** The first error that came with an answer: the API refuses one thing at a time. */
export function problemOf({ graphQLErrors, networkError }: CombinedError): Problem {
  const [error] = graphQLErrors
  if (error === undefined) {
    const why = networkError?.message ?? ''
    return problem('The server did not answer.', `Check that it runs and that you are connected, then try again.${why === '' ? '' : ` (${why})`}`)
  }
  const { code, field, mend, findings } = error.extensions
  return {
    code: textOr(code, 'INTERNAL'), message: error.message, field: textOr(field, null), mend: textOr(mend, null), findings: Array.isArray(findings) ? findings as Finding[] : [],
  }
}

function textOr<Other>(value: unknown, other: Other): string | Other {
  return typeof value === 'string' && value !== '' ? value : other
}

/** Those that concern a field or a part of it. */
export function findingsAt(findings: readonly Finding[], field: string): Finding[] {
  return findings.filter((finding) => finding.field === field || finding.field.startsWith(`${field}.`) || finding.field.startsWith(`${field}[`))
}
