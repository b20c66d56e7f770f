import { type Definition, type EntryKind } from './entry.js'
import { type FullPolicyDocument, type Policy } from './policy-document.js'
import { redactTokens } from './redact.js'
import { rules } from './rules/index.js'

export type VerdictKind = 'ALLOW' | 'NEEDS_APPROVAL' | 'DENY'

/** From the strongest to the weakest: it is refused, it waits for an approval, it is worth knowing and stands in the way of nothing. */
export const findingEffects = ['DENY', 'NEEDS_APPROVAL', 'WARN'] as const
export type FindingEffect = (typeof findingEffects)[number]

export interface Finding {
  rule: string
  effect: FindingEffect
  /** Dotted path of the input, e.g. `definition.transport.http.url`. */
  field: string
  message: string
  /** What to change so that the finding goes away. */
  mend: string
}

/** What a rule says of one field: rules do not say what is merely worth knowing. */
export interface RuleFinding extends Finding {
  effect: 'DENY' | 'NEEDS_APPROVAL'
}

export interface Verdict {
  /** What the strongest of the findings makes of it: `verdictKind` of them. */
  kind: VerdictKind
  findings: Finding[]
  /** Of the first policy, the deployment's. */
  policyRevision: number
}

export interface RuleSubject {
  kind: EntryKind
  name: string
  definition: Definition
}

/** A pure judgement of one field group under one policy. One file each in `rules/`. */
export type Rule = (subject: RuleSubject, policy: FullPolicyDocument) => RuleFinding[]

/**
 * The one evaluation: API, import, dry run and the worker before it connects all call this. Every rule runs, so that all findings come at once.
 * @param policies the deployment's, and of what a team owns the team's after it: each has to agree, so a team can only narrow
 */
export function evaluate(subject: RuleSubject, policies: readonly [Policy, ...Policy[]]): Verdict {
  const all = policies.flatMap((policy) => findingsOf(subject, policy))
  // The first one is what an error names, and nobody is to wait for the approval of what is denied.
  const findings = distinct([...all.filter(({ effect }) => effect === 'DENY'), ...all.filter(({ effect }) => effect !== 'DENY')])
  return { kind: verdictKind(findings), findings, policyRevision: policies[0].revision }
}

/** What becomes of something of which this is found. */
export function verdictKind(findings: ReadonlyArray<Pick<Finding, 'effect'>>): VerdictKind {
  const effects = new Set(findings.map(({ effect }) => effect))
  return effects.has('DENY') ? 'DENY' : effects.has('NEEDS_APPROVAL') ? 'NEEDS_APPROVAL' : 'ALLOW'
}

function findingsOf(subject: RuleSubject, { document }: Policy): RuleFinding[] {
  if (document !== null) return rules.flatMap((rule) => rule(subject, document))
  return [{
    rule: 'policy', effect: 'DENY', field: 'policy', message: 'The policy cannot be read, so nothing is allowed.',
    mend: 'An admin has to set a policy that parses.',
  }]
}

/** What two policies object to in the same words and with the same effect is said once, and without tokens that sit where a name belongs. */
function distinct(findings: readonly RuleFinding[]): RuleFinding[] {
  const told = new Map(findings.map(({ rule, effect, field, message, mend }) => {
    const harmless = { rule, effect, field: redactTokens(field), message: redactTokens(message), mend }
    return [JSON.stringify(harmless), harmless]
  }))
  return [...told.values()]
}
