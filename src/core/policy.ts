import { z } from 'zod'
import { type Definition, type EntryKind } from './entry.js'
import { line, parseInput } from './parse.js'
import { rules } from './rules/index.js'
import { isHostItem, isNetworkItem } from './rules/url.js'

export type VerdictKind = 'ALLOW' | 'NEEDS_APPROVAL' | 'DENY'

export interface Finding {
  rule: string
  /** Dotted path of the input, e.g. `definition.transport.http.url`. */
  field: string
  message: string
  /** What to change so that the finding goes away. */
  mend: string
}

/** What a rule says of one field: DENY wins over NEEDS_APPROVAL. */
export interface RuleFinding extends Finding {
  effect: 'DENY' | 'NEEDS_APPROVAL'
}

export interface Verdict {
  kind: VerdictKind
  findings: Finding[]
  policyRevision: number
}

const outcome = z.enum(['allow', 'approve', 'deny'])
const list = (isItem: (item: string) => boolean, form: string) => (
  z.array(line(253, 1).refine(isItem, form)).max(1000, 'has more than 1000 items').optional()
)
const hosts = list(isHostItem, 'is no host: write a name, an address or *.domain, without scheme, port or path')
const networks = list(isNetworkItem, 'is no network: write 10.2.0.0/16, an address, a name or *.domain')

/** Every part is optional and unknown keys are refused; what is left out is as in `defaultPolicy`. */
const documentSchema = z.strictObject({
  transports: z.strictObject({ stdio: outcome.optional(), http: outcome.optional(), sse: outcome.optional() }).optional(),
  urls: z.strictObject({ insecureHttp: hosts, privateNetworks: networks }).optional(),
})

export type PolicyDocument = z.infer<typeof documentSchema>

export interface FullPolicyDocument {
  transports: Record<'stdio' | 'http' | 'sse', z.infer<typeof outcome>>
  /** Exceptions: hosts that may be plain http, and private networks, addresses or names that may be reached. */
  urls: { insecureHttp: string[]; privateNetworks: string[] }
}

/** http to public https hosts is allowed, stdio waits for an approval, sse is denied, private networks are denied. */
export const defaultPolicy: FullPolicyDocument = {
  transports: { stdio: 'approve', http: 'allow', sse: 'deny' },
  urls: { insecureHttp: [], privateNetworks: [] },
}

/** What workers are told when the stored policy cannot be read. */
export const denyingPolicy: FullPolicyDocument = {
  transports: { stdio: 'deny', http: 'deny', sse: 'deny' },
  urls: { insecureHttp: [], privateNetworks: [] },
}

export interface Policy {
  /** 0 before the first `setPolicy`. */
  revision: number
  /** null: the stored document cannot be read, and everything is denied (S23). */
  document: FullPolicyDocument | null
}

/**
 * @param input the document as JSON
 * @throws CatalogError INVALID_INPUT with the field's path below `document`
 */
export function parsePolicyDocument(input: unknown): PolicyDocument {
  return parseInput(documentSchema, input, 'document')
}

/** What is stored, completed; a document that does not parse is unreadable, never a default (S23). */
export function readPolicy(revision: number, stored: unknown): Policy {
  const parsed = documentSchema.safeParse(stored)
  return { revision, document: parsed.success ? completePolicy(parsed.data) : null }
}

export function completePolicy(document: PolicyDocument): FullPolicyDocument {
  return {
    transports: { ...defaultPolicy.transports, ...document.transports },
    urls: { ...defaultPolicy.urls, ...document.urls },
  }
}

export interface RuleSubject {
  kind: EntryKind
  name: string
  definition: Definition
}

/** A pure judgement of one field group under one policy. One file each in `rules/`. */
export type Rule = (subject: RuleSubject, policy: FullPolicyDocument) => RuleFinding[]

/**
 * The one evaluation: API, import and the worker before it connects all call this.
 * Every rule runs, so that all findings come at once.
 */
export function evaluate(subject: RuleSubject, policy: Policy): Verdict {
  if (policy.document === null) {
    const finding = {
      rule: 'policy', field: 'policy', message: 'The policy cannot be read, so nothing is allowed.',
      mend: 'An admin has to set a policy that parses.',
    }
    return { kind: 'DENY', findings: [finding], policyRevision: policy.revision }
  }
  const document = policy.document
  const all = rules.flatMap((rule) => rule(subject, document))
  const kind = all.some((finding) => finding.effect === 'DENY') ? 'DENY' : all.length > 0 ? 'NEEDS_APPROVAL' : 'ALLOW'
  return { kind, findings: all.map(({ effect: _, ...finding }) => finding), policyRevision: policy.revision }
}
