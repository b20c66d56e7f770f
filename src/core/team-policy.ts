import { defaultPolicy, type Policy, type PolicyDocument, policyDocumentSchema, readPolicy } from './policy-document.js'

/**
 * What of a team's policy is decided where its entries run, since nobody knows it before: the addresses behind a name, the files behind a path, the tools that a
 * server has. All else it judges by the definition alone, and what it denies is in no set. Workers are told no more: they also run the team's entries for people
 * who may not read its policy.
 */
export interface TeamPolicy {
  teamId: string
  revision: number
  /** Left out is what stands as in the deployment's. */
  document: PolicyDocument | { unreadable: true }
}

/** @param stored as stored. One that cannot be read is told so, and no worker can read that either: it runs nothing of the team's (S23) */
export function carriedPolicy(stored: unknown): TeamPolicy['document'] {
  const parsed = policyDocumentSchema.safeParse(stored)
  if (!parsed.success) return { unreadable: true }
  const { urls, stdio: { directories } = {}, tools } = parsed.data
  return { ...(urls && { urls }), ...(directories && { stdio: { directories } }), ...(tools && { tools }) }
}

/** A team's document is read over the deployment's, whose own word counts too: each of both has to agree, so it can only narrow. */
export function readTeamPolicy(deployment: Policy, revision: number, document: unknown): Policy {
  return readPolicy(revision, document, deployment.document ?? defaultPolicy)
}

/** Whether tools that are not as they were accepted are kept from sessions: unless every policy lets them in. One that cannot be read lets in nothing (S23). */
export function holdsTools(policies: readonly Policy[]): boolean {
  return policies.length === 0 || policies.some(({ document }) => document?.tools.drift !== 'accept')
}
