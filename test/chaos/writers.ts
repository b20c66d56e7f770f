import { type TypedDocumentNode } from '@graphql-typed-document-node/core'
import {
  type CatalogRequestError, DeleteEntryDocument, type OwnerInput, RegisterAgentDocument, RegisterMcpServerDocument, SetEntryEnabledDocument,
  UpdateAgentDocument, UpdateMcpServerDocument, type Visibility,
} from '../../src/client/index.js'
import { type Entry, type EntryKind } from '../../src/core/entry.js'
import { type OwnerRef } from '../../src/core/owner.js'
import { type createRandom } from '../support/random.js'
import { type Answer, EntryDocument, sendAnywhere } from './client.js'
import { type Pass } from './follower.js'
import { type Expectation } from './model.js'
import { type World } from './world.js'

type Random = ReturnType<typeof createRandom>

/** An entry as the writers last heard of it; `isSure` is false after an answer that got lost. */
export interface Known {
  id: string
  kind: EntryKind
  owner: OwnerRef
  revision: number
  isSure: boolean
}

/** What writers know of the catalog, together. */
export type Registry = Map<string, Known>

/** Not what checks and faults use for themselves. */
export function fillRegistry(registry: Registry, entries: Iterable<Entry>): void {
  registry.clear()
  for (const { id, kind, owner, revision, name } of entries) if (names.includes(name)) registry.set(id, { id, kind, owner, revision, isSure: true })
}

/** Few names, so that entries of different owners shadow each other. */
const names = ['n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6']

/** One person who writes: registers, changes, enables, shares and deletes entries of their own, of their teams, and of others in vain. */
export function createWriter(world: World, credential: Pass, isAdmin: boolean, random: Random): () => Promise<void> {
  const { registry } = world
  const ownId = credential.userId!

  const ask = <Result, Variables extends Record<string, unknown>>(document: TypedDocumentNode<Result, Variables>, variables: Variables) => (
    sendAnywhere(world.nodes, random, credential.token, document, variables))

  function note(answer: Answer<unknown>, what: string, marker: string | null, cursor: string | null, fits: Expectation['fits']): void {
    const { model } = world
    model.counts[answer.outcome] += 1
    if (answer.outcome === 'COMMITTED' && cursor !== null) model.committed(cursor, { what, fits })
    if (answer.outcome !== 'REFUSED') return
    if (marker !== null) model.refused(marker)
    const { code } = answer.error
    model.refusals.set(code, (model.refusals.get(code) ?? 0) + 1)
    if (code === 'UNAUTHENTICATED') world.violate(`a token that was never revoked is refused: ${what}`)
  }

  function definitionOf(kind: EntryKind, marker: string) {
    if (kind === 'AGENT') return { description: marker, prompt: `Help. ${'x'.repeat(random.next() < 0.03 ? 10_000 : 0)}`, mcpServers: [random.pick(names)] }
    const host = random.pick(['127.0.0.1', '127.0.0.1', 'localhost'])
    return { description: marker, transport: { http: { url: `http://${host}:${world.mcpPort}/mcp?v=${random.below(3)}` } } }
  }

  function reachOf(owner: OwnerRef): { visibility?: Visibility; audience?: OwnerInput[]; locked?: boolean } {
    const locked = owner.kind !== 'USER' && random.next() < 0.15 ? { locked: true } : {}
    const team = (): OwnerInput => ({ kind: 'TEAM', id: random.pick(world.teams) })
    const user = (): OwnerInput => ({ kind: 'USER', id: random.pick(world.users).id })
    const roll = random.next()
    if (roll < 0.4) return locked
    if (roll < 0.6) return { visibility: 'PRIVATE', ...locked }
    if (roll < 0.85) return { visibility: 'SHARED', audience: [random.next() < 0.7 || !isAdmin ? team() : user()], ...locked }
    return { visibility: isAdmin ? 'PUBLIC' : 'PRIVATE', ...locked }
  }

  async function register(): Promise<void> {
    const kind: EntryKind = random.next() < 0.7 ? 'MCP_SERVER' : 'AGENT'
    const team: OwnerRef = { kind: 'TEAM', id: random.pick(world.teams) }
    const own: OwnerRef = { kind: 'USER', id: isAdmin ? random.pick(world.users).id : ownId }
    const owner = random.pick<OwnerRef>(isAdmin ? [{ kind: 'DEPLOYMENT', id: 'deployment' }, team, own] : [own, own, team])
    const marker = world.newMarker()
    const input = { owner, name: random.pick(names), enabled: random.next() < 0.9, definition: definitionOf(kind, marker), ...reachOf(owner) }
    const answer = kind === 'AGENT'
      ? await ask(RegisterAgentDocument, { input: input as never }).then((one) => reduce(one, ({ registerAgent: { agent, cursor } }) => ({ entry: agent, cursor })))
      : await ask(RegisterMcpServerDocument, { input: input as never }).then((one) => reduce(one, ({ registerMcpServer: { mcpServer, cursor } }) => ({ entry: mcpServer, cursor })))
    const made = answer.outcome === 'COMMITTED' ? answer.data : null
    if (made !== null) registry.set(made.entry.id, { id: made.entry.id, kind, owner, revision: 1, isSure: true })
    note(answer, `register ${marker}`, marker, made?.cursor ?? null, isRevision(made?.entry.id, 1, marker))
  }

  async function update(known: Known): Promise<void> {
    const marker = world.newMarker()
    const name = random.next() < 0.1 ? { name: random.pick(names) } : {}
    const reach = random.next() < 0.4 ? reachOf(known.owner) : {}
    const { id, revision } = known
    const input = { id, expectedRevision: revision, definition: definitionOf(known.kind, marker), ...name, ...reach }
    const answer = known.kind === 'AGENT'
      ? await ask(UpdateAgentDocument, { input: input as never }).then((one) => reduce(one, ({ updateAgent: { agent, cursor } }) => ({ entry: agent, cursor })))
      : await ask(UpdateMcpServerDocument, { input: input as never }).then((one) => reduce(one, ({ updateMcpServer: { mcpServer, cursor } }) => ({ entry: mcpServer, cursor })))
    note(answer, `update ${marker}`, marker, answer.outcome === 'COMMITTED' ? answer.data.cursor : null, isRevision(id, revision + 1, marker))
    learn(known, answer)
  }

  async function enable(known: Known): Promise<void> {
    const enabled = random.next() < 0.6
    const { id, revision } = known
    const answer = reduce(await ask(SetEntryEnabledDocument, { input: { id, expectedRevision: revision, enabled } }), ({ setEntryEnabled }) => setEntryEnabled)
    // What was so before is no change, and has no row.
    const cursor = answer.outcome === 'COMMITTED' && answer.data.entry.revision === revision + 1 ? answer.data.cursor : null
    note(answer, `${enabled ? 'enable' : 'disable'} ${id}@${revision}`, null, cursor, (change) => (
      change.subject === 'ENTRY' && change.id === id && change.after?.revision === revision + 1 && change.after.enabled === enabled))
    learn(known, answer)
  }

  async function remove(known: Known): Promise<void> {
    const { id, revision } = known
    const answer = reduce(await ask(DeleteEntryDocument, { input: { id, expectedRevision: revision } }), ({ deleteEntry }) => deleteEntry)
    const cursor = answer.outcome === 'COMMITTED' ? answer.data.cursor : null
    note(answer, `delete ${id}@${revision}`, null, cursor, (change) => change.subject === 'ENTRY' && change.id === id && change.after === null)
    if (answer.outcome === 'COMMITTED') registry.delete(id)
    else learn(known, answer)
  }

  function learn(known: Known, answer: Answer<{ entry: { revision: number } | null }>): void {
    if (answer.outcome === 'COMMITTED') known.revision = answer.data.entry?.revision ?? known.revision
    else if (answer.outcome === 'UNKNOWN') known.isSure = false
    else follow(known, answer.error)
  }

  function follow(known: Known, { code, extensions }: CatalogRequestError): void {
    if (code === 'REVISION_CONFLICT') known.revision = Number(extensions.currentRevision)
    // Not there, or not for this writer: the others find out for themselves.
    if (code === 'NOT_FOUND' && isAdmin) registry.delete(known.id)
  }

  /** After an answer that got lost: first see what became of it. */
  async function lookAgain(known: Known): Promise<void> {
    const answer = await ask(EntryDocument, { id: known.id })
    if (answer.outcome !== 'COMMITTED') return
    if (answer.data.node === null) return void registry.delete(known.id)
    Object.assign(known, { revision: answer.data.node.revision, isSure: true })
  }

  return async () => {
    const all = [...registry.values()]
    const near = all.filter(({ owner }) => owner.id === ownId || owner.kind === 'TEAM')
    const roll = random.next()
    const known = random.pick(isAdmin || near.length === 0 || random.next() < 0.05 ? all : near) as Known | undefined
    if (known === undefined || roll < (all.length < 20 ? 0.5 : 0.2)) return register()
    if (!known.isSure) return lookAgain(known)
    if (roll < 0.65) return update(known)
    return roll < 0.85 ? enable(known) : remove(known)
  }
}

function reduce<From, To>(answer: Answer<From>, pick: (data: From) => To): Answer<To> {
  return answer.outcome === 'COMMITTED' ? { outcome: 'COMMITTED', data: pick(answer.data) } : answer
}

function isRevision(id: string | undefined, revision: number, marker: string): Expectation['fits'] {
  return (change) => change.subject === 'ENTRY' && change.id === id && change.after?.revision === revision && change.after.definition.description === marker
}
