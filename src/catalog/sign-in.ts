import { type Identity } from '../core/claims.js'
import { systemPrincipal, type User } from '../core/owner.js'
import { planSignIn } from '../core/sign-in.js'
import { type Tx } from '../db/client.js'
import { findOrInsertUser, lockTeam, membershipsOf, putMembership, removeMembership, updateUser } from '../db/user.js'
import { personKey } from '../index/people.js'
import { commit } from './commit.js'
import { type CatalogServices, newId } from './context.js'
import { membershipChange } from './membership.js'
import { userChange } from './user.js'
import { type Written } from './writer.js'

/**
 * Lets in whom an identity provider vouches for, and brings the catalog in line with what it says of them: a new person is
 * made; name, role and teams follow the claims (`planSignIn`). Asked at every request, it writes only when something differs.
 * Pilothouse itself is the actor: nobody gave the person these rights but the provider that an operator trusts.
 * @returns the user's id; null for a deactivated one, which the access chain records
 */
export async function signIn(services: CatalogServices, identity: Identity): Promise<string | null> {
  const { state } = services.index
  const known = state.usersByPerson.get(personKey(identity.provider, identity.subject))
  const user = known !== undefined && isSettled(services, identity, known)
    ? known : (await commit(services, systemPrincipal, async () => (tx) => agree(services, tx, identity))).result
  if (user.deactivatedAt === null) return user.id
  await services.accessLog.record({ actor: { kind: 'USER', id: user.id }, action: 'AUTHENTICATE', outcome: 'DENIED', target: user.id })
  return null
}

function isSettled({ index: { state }, now }: CatalogServices, identity: Identity, known: User): boolean {
  if (known.deactivatedAt !== null) return true
  const memberships = [...(state.teamsOf.get(known.id)?.values() ?? [])]
  const { user, put, remove } = planSignIn(identity, known, memberships, (slug) => state.teamsBySlug.get(slug)?.id, now())
  return user === null && put.length + remove.length === 0
}

/** The writing half decides anew on what is stored, under locks: of several first sign-ins at once one makes the person. */
async function agree(services: CatalogServices, tx: Tx, identity: Identity): Promise<Written<User>> {
  const now = services.now()
  const locked = await lockConcerned(services, tx, identity)
  const made: User = {
    id: newId('usr'), provider: identity.provider, subject: identity.subject, displayName: identity.displayName ?? identity.subject,
    role: identity.role ?? 'USER', deactivatedAt: null, claimsIssuedAt: identity.issuedAt,
  }
  const found = await findOrInsertUser(tx, made, now)
  if (found.deactivatedAt !== null) return { changes: [], result: found }
  const ids = new Set(locked.values())
  const held = new Map((await membershipsOf(tx, found.id)).filter(({ teamId }) => ids.has(teamId)).map((membership) => [membership.teamId, membership]))
  const plan = planSignIn(identity, found, [...held.values()], (slug) => locked.get(slug), now)
  const isNew = found.id === made.id
  const user = isNew ? made : plan.user
  const changes = user === null ? [] : [userChange(isNew ? null : found, user, 'user.signIn')]
  if (user !== null && !isNew) await updateUser(tx, user)
  for (const after of plan.put) {
    await putMembership(tx, after)
    changes.push(membershipChange(held.get(after.teamId) ?? null, after, 'team.setMember'))
  }
  for (const before of plan.remove) {
    await removeMembership(tx, before.teamId, before.userId)
    changes.push(membershipChange(before, null, 'team.removeMember'))
  }
  return { changes, result: user ?? found }
}

/** Locks the teams that the claims name, and those that the person is in by claims. What is not known here yet waits for the next request. */
async function lockConcerned({ index: { state } }: CatalogServices, tx: Tx, { provider, subject, teams }: Identity): Promise<Map<string, string>> {
  const known = state.usersByPerson.get(personKey(provider, subject))
  const held = [...state.teamsOf.get(known?.id ?? '')?.values() ?? []].filter(({ expiresAt }) => expiresAt !== null).map(({ teamId }) => teamId)
  const named = [...teams?.keys() ?? []].flatMap((slug) => state.teamsBySlug.get(slug)?.id ?? [])
  const locked = new Map<string, string>()
  for (const id of [...new Set([...held, ...named])].sort()) {
    const team = await lockTeam(tx, id)
    if (team !== null) locked.set(team.slug, id)
  }
  return locked
}
