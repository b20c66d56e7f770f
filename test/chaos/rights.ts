import { type TypedDocumentNode } from '@graphql-typed-document-node/core'
import {
  CreateAccessTokenDocument, CreateTeamDocument, CreateUserDocument, DeactivateUserDocument, DeleteTeamDocument, RegisterAgentDocument, RemoveTeamMemberDocument, RevokeAccessTokenDocument, type Role, SetPolicyDocument, SetTeamMemberDocument,
  SetUserRoleDocument, type TeamRole,
} from '../../src/client/index.js'
import { canonicalJson } from '../../src/core/canonical.js'
import { type OwnerRef } from '../../src/core/owner.js'
import { type CatalogState } from '../../src/index/state.js'
import { type createRandom } from '../support/random.js'
import { type Answer, sendAnywhere } from './client.js'
import { type Pass } from './follower.js'
import { type World } from './world.js'

/** Without `localhost` every entry that names it leaves every set at once, and comes back later. */
export const policies = [['127.0.0.1', 'localhost'], ['127.0.0.1']].map((hosts) => (
  { urls: { insecureHttp: hosts, privateNetworks: hosts.map((host) => (host === '127.0.0.1' ? '127.0.0.0/8' : host)) } }
))

/** What the log says of a right that the model knows by this key. */
export function rightOf(state: CatalogState, key: string): string {
  const [kind, ...ids] = key.split(' ') as [string, ...string[]]
  if (kind === 'member') return state.membersOf.get(ids[0]!)?.get(ids[1]!)?.role ?? 'none'
  if (kind === 'person') return state.users.get(ids[0]!)?.deactivatedAt === null ? 'live' : 'gone'
  if (kind === 'team') return state.teams.has(ids[0]!) ? 'live' : 'gone'
  if (kind === 'role') return state.users.get(ids[0]!)?.role ?? 'none'
  return state.tokens.get(ids[0]!)?.revokedAt === null ? 'live' : 'gone'
}

/** An admin who alters rights: memberships, roles, tokens and, now and then, the policy. One alone, so that every right has one writer. */
export function createRightsChanger(world: World, random: ReturnType<typeof createRandom>): () => Promise<void> {
  const { model } = world
  const guests: Array<['person' | 'team', id: string, member?: string]> = []
  let policyRevision = 0

  async function alter<Result, Variables extends Record<string, unknown>>(
    document: TypedDocumentNode<Result, Variables>, variables: Variables, key: string | null, value: string,
  ): Promise<Answer<Result>> {
    const answer = await sendAnywhere(world.nodes, random, world.admin.token, document, variables)
    model.counts[answer.outcome] += 1
    if (key !== null) model.right(key, value, answer.outcome)
    if (answer.outcome === 'REFUSED') {
      model.refusals.set(answer.error.code, (model.refusals.get(answer.error.code) ?? 0) + 1)
      if (answer.error.code === 'UNAUTHENTICATED') world.violate('the token of the admin, which was never revoked, is refused')
    }
    return answer
  }

  async function alterMembership(): Promise<void> {
    const team = random.pick(world.teams)
    const userId = random.pick(world.users).id
    const role = random.pick<TeamRole | null>(['MEMBER', 'MAINTAINER', 'MAINTAINER', null])
    if (role === null) await alter(RemoveTeamMemberDocument, { team, userId }, `member ${team} ${userId}`, 'none')
    else await alter(SetTeamMemberDocument, { team, userId, role }, `member ${team} ${userId}`, role)
  }

  async function alterRole(): Promise<void> {
    const userId = random.pick(world.users.slice(-2)).id
    const role = random.pick<Role>(['ADMIN', 'USER', 'USER'])
    await alter(SetUserRoleDocument, { userId, role }, `role ${userId}`, role)
  }

  /** A credential that was revoked is made anew at one of the next calls; its followers wait for it. */
  async function alterToken(): Promise<void> {
    const credential = random.pick(world.credentials)
    if (world.revoked.has(credential.tokenId)) return renew(credential)
    const { tokenId } = credential
    const answer = await alter(RevokeAccessTokenDocument, { id: tokenId }, `token ${tokenId}`, 'gone')
    // NOT_FOUND: a restored database never had it.
    if (answer.outcome !== 'REFUSED' || answer.error.code === 'NOT_FOUND') world.revoked.set(tokenId, credential.token)
  }

  async function renew(credential: Pass): Promise<void> {
    const { label, userId } = credential
    const input = userId === null
      ? { kind: 'WORKER' as const, name: label, serves: [...world.served] } : { kind: 'PERSONAL' as const, name: label, userId }
    const answer = await alter(CreateAccessTokenDocument, { input }, null, '')
    if (answer.outcome !== 'COMMITTED') return
    const { createAccessToken: { accessToken, secret } } = answer.data
    model.right(`token ${accessToken.id}`, 'live', 'COMMITTED')
    Object.assign(credential, { tokenId: accessToken.id, token: secret })
  }

  async function alterPolicy(): Promise<void> {
    const expectedRevision = policyRevision
    const document = random.pick(policies)
    const answer = await alter(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision, document } }, null, '')
    if (answer.outcome === 'COMMITTED') {
      const { setPolicy: { policy, cursor } } = answer.data
      policyRevision = policy.revision
      model.committed(cursor, {
        what: `policy ${policyRevision}`,
        fits: (change) => change.subject === 'POLICY' && change.after.revision === expectedRevision + 1 && canonicalJson(change.after.document) === canonicalJson(document),
      })
    } else if (answer.error.code === 'REVISION_CONFLICT') policyRevision = Number(answer.error.extensions.currentRevision)
  }

  /** What somebody owns comes to everybody, and leaves with them when they are deactivated: many changes in one commit. */
  async function receiveGuest(): Promise<void> {
    const name = world.newMarker().replace('change', 'guest')
    const answer = await alter(CreateUserDocument, { provider: 'test', subject: name, displayName: name, role: 'USER' }, null, '')
    if (answer.outcome !== 'COMMITTED') return
    const { id } = answer.data.createUser
    await alter(CreateAccessTokenDocument, { input: { kind: 'PERSONAL', name, userId: id } }, null, '')
    await give({ kind: 'USER', id }, { visibility: 'PUBLIC' })
    guests.push(['person', id])
  }

  async function foundTeam(): Promise<void> {
    const slug = world.newMarker().replace('change ', 'guests-')
    const answer = await alter(CreateTeamDocument, { slug, displayName: slug }, null, '')
    if (answer.outcome !== 'COMMITTED') return
    const { id } = answer.data.createTeam
    const userId = random.pick(world.users).id
    await alter(SetTeamMemberDocument, { team: id, userId, role: 'MEMBER' }, `member ${id} ${userId}`, 'MEMBER')
    await give({ kind: 'TEAM', id }, {})
    guests.push(['team', id, userId])
  }

  /** The log judges the row by its description alone. */
  async function give(owner: OwnerRef, reach: { visibility?: 'PUBLIC' }): Promise<void> {
    const definition = { description: world.newMarker(), prompt: 'Visit.' }
    await alter(RegisterAgentDocument, { input: { owner, name: random.pick(['n0', 'n1', 'n2']), definition, ...reach } }, null, '')
  }

  async function dismissGuest(): Promise<void> {
    const [kind, id, member] = guests.shift()!
    const answer = kind === 'person'
      ? await alter(DeactivateUserDocument, { userId: id }, `person ${id}`, 'gone') : await alter(DeleteTeamDocument, { team: id }, `team ${id}`, 'gone')
    if (member !== undefined) model.right(`member ${id} ${member}`, 'none', answer.outcome)
  }

  return async () => {
    const roll = random.next()
    if (roll < 0.45) return alterMembership()
    if (roll < 0.6) return alterRole()
    if (roll < 0.87) return alterToken()
    if (roll < 0.92) return alterPolicy()
    if (guests.length > 2) return dismissGuest()
    return roll < 0.96 ? receiveGuest() : foundTeam()
  }
}
