import { type Action } from './access.js'

/**
 * Everything that the chain of changes tells of, in words: `{what}` is the thing with its kind and owner, `{name}` its name alone, `{whose}` its owner.
 * What stands before the dot is the group that people filter by.
 */
export const changeWords = {
  'mcpServer.register': 'registered {what}',
  'mcpServer.update': 'changed {what}',
  'mcpServer.delete': 'deleted {what}',
  'agent.register': 'registered {what}',
  'agent.update': 'changed {what}',
  'agent.delete': 'deleted {what}',
  'entry.enable': 'enabled {what}',
  'entry.disable': 'disabled {what}',
  'entry.rollback': 'rolled back {what}',
  'entry.revoke': 'revoked {what}',
  'entry.restore': 'restored {what}',
  'entry.requestApproval': 'asked again for approval of {what}',
  'entry.approve': 'approved {what}',
  'entry.approveOwn': 'approved what they made themself: {what}',
  'entry.reject': 'rejected {what}',
  'entry.rejectOwn': 'rejected what they made themself: {what}',
  'tools.pin': 'reported the first tools of {what}, which are pinned now',
  'tools.hold': 'reported other tools of {what}, which are held',
  'tools.return': 'reported that tools of {what} are held no longer',
  'tools.accept': 'accepted held tools of {what}',
  'tools.acceptOwn': 'accepted held tools of what they made themself: {what}',
  'secret.put': 'set {what}',
  'secret.delete': 'deleted {what}',
  'secret.rotate': 'noticed another value of {what}',
  'secret.bind': 'confirmed where a secret goes for {what}',
  'secret.beginBindings': 'noted where the secrets of {what} go',
  'policy.set': 'set {what}',
  'user.create': 'added {what}',
  'user.signIn': 'brought {what} in line with the identity provider',
  'user.setRole': 'changed the role of {what}',
  'user.deactivate': 'deactivated {what}',
  'user.restore': 'made {what} an admin again',
  'team.create': 'made {what}',
  'team.delete': 'deleted {what}',
  'team.setMember': 'gave {name} a role in {whose}',
  'team.removeMember': 'took {name} out of {whose}',
  'team.expireMember': 'ended the time of {name} in {whose}',
  'token.create': 'made {what}',
  'token.revoke': 'revoked {what}',
  'consoleSession.begin': 'signed in at the console',
  'consoleSession.end': 'ended a session of {whose} at the console',
} as const satisfies Record<`${string}.${string}`, string>

export type ChangeAction = keyof typeof changeWords

/** The groups of changes by what stands before the dot, as people call them. */
export const changeGroups: Record<GroupOf<ChangeAction>, string> = {
  mcpServer: 'MCP servers', agent: 'Agents', entry: 'Both: switched, revoked, approved', tools: 'Tools', secret: 'Secrets', policy: 'Policies', user: 'People', team: 'Teams',
  token: 'Tokens', consoleSession: 'Sessions of the console',
}
type GroupOf<Code extends string> = Code extends `${infer Group}.${string}` ? Group : never

/** What the access chain tells of beside the rows of the access table. */
type OtherAccess =
  | 'AUTHENTICATE' | 'CLAIM_WORKER' | 'NAME_SECRET_PROVIDER' | 'BIND_SECRET' | 'ACCEPT_TOOLS' | 'REPORT_TOOLS' | 'DECIDE_APPROVALS'
  | 'secret.lease' | 'secret.rekey' | 'probe.request' | 'probe.take' | 'probe.report'

export type AccessAction = Action | OtherAccess

/** A field of the API that somebody asked for who may not come near it at all; its name is the action. */
export type CalledField = string & { readonly isCalled: true }

/** What the access chain tells of, as what somebody wanted to do; for what is told also when nothing was refused, what they did besides. */
export const accessWords: Record<AccessAction, string | readonly [wanted: string, did: string]> = {
  SEE_ENTRIES: 'look at {what}',
  READ_HISTORY: 'read the history of {what}',
  WRITE_ENTRIES: 'change {what}',
  READ_SET: 'read the set of {whose}',
  READ_POLICY: 'read the policy of {whose}',
  WRITE_POLICY: 'set the policy of {whose}',
  MANAGE_MEMBERS: 'change the members of {whose}',
  MANAGE_TOKENS: 'look after the tokens of {whose}',
  MANAGE_PEOPLE: 'change people and teams',
  READ_AUDIT: 'read the audit',
  READ_METRICS: 'read the metrics',
  REPORT_STATUS: 'report sessions of {what}',
  READ_STATUS: 'look at the sessions of {whose}',
  SEE_APPROVALS: 'look at {what}',
  READ_SECRETS: 'look at the secrets of {whose}',
  WRITE_SECRETS: 'set secrets of {whose}',
  LEASE_SECRETS: 'lease secrets of {whose}',
  PROBE: 'test the connection of {what}',
  AUTHENTICATE: 'sign in with {what}',
  CLAIM_WORKER: ['take the worker id {name}', 'took the worker id {name}'],
  NAME_SECRET_PROVIDER: 'use the secret provider {name}',
  BIND_SECRET: 'confirm where a secret goes for {what}',
  ACCEPT_TOOLS: 'accept held tools of {what}',
  REPORT_TOOLS: 'report tools of {what}',
  DECIDE_APPROVALS: 'decide on {what}',
  'secret.lease': ['lease secrets for {what}', 'leased secrets for {what}'],
  'secret.rekey': ['seal the secrets with another key', 'sealed the secrets with another key'],
  'probe.request': ['ask for a test of {what}', 'asked for a test of {what}'],
  'probe.take': ['test the connection of {what}', 'took a test of {what}'],
  'probe.report': 'answer the test {what}',
}

/** `changes`: every mutation, in its own transaction. `access`: denials, leases and break-glass reads, in batches. */
export const chainNames = ['changes', 'access'] as const
export type ChainName = (typeof chainNames)[number]

/** OK: nothing was refused. */
export const auditOutcomes = ['OK', 'DENIED', 'BREAK_GLASS'] as const
export type AuditOutcome = (typeof auditOutcomes)[number]

/** The words for an action of a chain, as what somebody did or wanted to; an action without words, as in a row of a later version, is named by its code. */
export function wordsOf(chain: ChainName, action: string, outcome: string): string {
  if (chain === 'changes') return own(changeWords, action) ?? `did ${action}: {what}`
  const words = own(accessWords, action)
  const [wanted, did] = words === undefined ? [`ask for ${action}`] : typeof words === 'string' ? [words] : words
  if (outcome === 'DENIED') return `was refused: to ${wanted}`
  return outcome === 'BREAK_GLASS' ? `broke glass: to ${wanted}` : did ?? `was let: to ${wanted}`
}

function own<Value>(table: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}
