import {
  ApprovalDocument, ApprovalsDocument, type CatalogClient, DecideApprovalDocument, McpServerDocument, McpServersDocument, PutSecretDocument, RegisterMcpServerDocument, RestoreEntryDocument,
  RevocationsDocument, RevokeEntryDocument, SecretsDocument, UpdateMcpServerDocument,
} from '../../src/client/index.js'
import { receiptProblems } from './holds.js'
import { until } from './until.js'
import { type World } from './world.js'

/** One change on its way, with an entry of its own. */
export interface Trial {
  name: string
  /** Of the stdio server's processes. */
  mark: string
  transport: 'http' | 'stdio'
  /** The request; the same again when it is repeated. @throws CatalogRequestError */
  act: () => Promise<unknown>
  /** What a reader sees; anything but old and new is neither. */
  read: () => Promise<string>
  /** What who repeats the request hears when it was done already: a code, or OK. */
  doneAlready: 'OK' | 'NAME_TAKEN' | 'REVISION_CONFLICT'
  /** Once it is new: brings the entry to where it can be called, or is refused. */
  after?: () => Promise<void>
  /** Of the secret with which calls go out then; null: it must not be callable. */
  value: string | null
  /** The entry's id, once it is known. */
  id: () => Promise<string | null>
}

/** Waits until the worker runs exactly what it should. */
export type Rest = (world: World, trial: Pick<Trial, 'name' | 'mark' | 'transport' | 'value'>) => Promise<void>
export type Flow = (world: World, rest: Rest) => Promise<Trial>

const mine = { kind: 'USER' } as const
const valueOf = (mark: string, version: number) => `value-${version}-of-${mark}`
const put = (who: CatalogClient, name: string, value: string) => who.execute(PutSecretDocument, { input: { owner: mine, name, value } })

const overHttp = ({ upstreams }: World, mark: string, timeoutMs = 20_000) => ({ transport: { http: { url: upstreams.url, headers: [{ name: 'X-Key', value: `\${secret:${mark}}` }] } }, timeoutMs })
const asProcess = ({ upstreams }: World, mark: string) => ({ transport: { stdio: { command: 'node', args: [upstreams.script, mark], env: [{ name: 'TOKEN', value: `\${secret:${mark}}` }] } } })

const entryOf = async (who: CatalogClient, id: string) => (await who.execute(McpServerDocument, { id })).mcpServer
const named = async ({ ann }: World, name: string) => (
  await ann.execute(McpServersDocument, { owner: mine, search: name, first: 100 })).mcpServers.nodes.find((entry) => entry.name === name) ?? null

async function requestOf({ boss }: World, id: string) {
  const { approvals } = await boss.execute(ApprovalsDocument, { state: 'PENDING', first: 100 })
  return approvals.nodes.find(({ entry }) => entry?.id === id)!
}

async function approve(who: CatalogClient, world: World, id: string): Promise<void> {
  const request = await requestOf(world, id)
  // Answered UNAVAILABLE, and done.
  if (request === undefined) return
  await who.execute(DecideApprovalDocument, { input: { id: request.id, digest: request.digest, decision: 'APPROVE' } })
}

async function registered(world: World, mark: string, definition: ReturnType<typeof overHttp> | ReturnType<typeof asProcess>): Promise<string> {
  await put(world.ann, mark, valueOf(mark, 1))
  return (await world.ann.execute(RegisterMcpServerDocument, { input: { owner: mine, name: mark, definition } })).registerMcpServer.mcpServer.id
}

/** A stdio server that was approved and runs. */
async function running(world: World, rest: Rest, mark: string): Promise<string> {
  const id = await registered(world, mark, asProcess(world, mark))
  await approve(world.boss, world, id)
  await rest(world, { name: mark, mark, transport: 'stdio', value: valueOf(mark, 1) })
  return id
}

/** What follows of the revocation is over by then. */
async function untilComplete(world: World, id: string): Promise<void> {
  const problems = await until(() => receiptProblems(world, id, false))
  if (problems.length > 0) throw new Error(problems.join('; '))
}

const neither = (seen: unknown) => `neither old nor new: ${JSON.stringify(seen)}`
/** @param news what is to be seen, first as it was, then as it is to be */
const oldOrNew = (seen: unknown, ...news: [unknown, unknown]) => {
  const at = news.findIndex((one) => JSON.stringify(one) === JSON.stringify(seen))
  return at === -1 ? neither(seen) : ['old', 'new'][at]!
}

const register: Flow = async (world) => {
  const mark = world.newMark()
  await put(world.ann, mark, valueOf(mark, 1))
  return {
    name: mark, mark, transport: 'http', value: valueOf(mark, 1), doneAlready: 'NAME_TAKEN',
    act: () => world.ann.execute(RegisterMcpServerDocument, { input: { owner: mine, name: mark, definition: overHttp(world, mark) } }),
    read: async () => {
      const entry = await named(world, mark)
      return oldOrNew(entry && [entry.revision, entry.status], null, [1, 'ACTIVE'])
    },
    id: async () => (await named(world, mark))?.id ?? null,
  }
}

const approveIt: Flow = async (world) => {
  const mark = world.newMark()
  const id = await registered(world, mark, asProcess(world, mark))
  const request = await requestOf(world, id)
  return {
    name: mark, mark, transport: 'stdio', value: valueOf(mark, 1), doneAlready: 'REVISION_CONFLICT',
    act: () => world.boss.execute(DecideApprovalDocument, { input: { id: request.id, digest: request.digest, decision: 'APPROVE' } }),
    read: async () => {
      const [entry, { approval }] = [await entryOf(world.ann, id), await world.boss.execute(ApprovalDocument, { id: request.id })]
      return oldOrNew([entry?.revision, entry?.status, approval?.state], [1, 'PENDING_APPROVAL', 'PENDING'], [1, 'ACTIVE', 'APPROVED'])
    },
    id: async () => id,
  }
}

const apply: Flow = async (world, rest) => {
  const mark = world.newMark()
  const id = await registered(world, mark, overHttp(world, mark))
  await rest(world, { name: mark, mark, transport: 'http', value: valueOf(mark, 1) })
  // After a change that no worker has to tell of, the next one goes the short way, as one statement.
  await world.ann.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, apply: 'NOW' } })
  await rest(world, { name: mark, mark, transport: 'http', value: valueOf(mark, 1) })
  return {
    name: mark, mark, transport: 'http', value: valueOf(mark, 1), doneAlready: 'REVISION_CONFLICT',
    act: () => world.ann.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 2, definition: overHttp(world, mark, 22_000) } }),
    read: async () => {
      const entry = await entryOf(world.ann, id)
      return oldOrNew([entry?.revision, entry?.status, entry?.timeoutMs], [2, 'ACTIVE', 20_000], [3, 'ACTIVE', 22_000])
    },
    id: async () => id,
  }
}

const rotate = (transport: Trial['transport']): Flow => async (world, rest) => {
  const mark = world.newMark()
  const id = transport === 'stdio' ? await running(world, rest, mark) : await registered(world, mark, overHttp(world, mark))
  await rest(world, { name: mark, mark, transport, value: valueOf(mark, 1) })
  return {
    name: mark, mark, transport, value: valueOf(mark, 2), doneAlready: 'OK',
    act: () => put(world.ann, mark, valueOf(mark, 2)),
    read: async () => {
      const { secrets } = await world.ann.execute(SecretsDocument, { owner: mine })
      return oldOrNew(secrets.find(({ name }) => name === mark)?.version, 1, 2)
    },
    id: async () => id,
  }
}

const revoke: Flow = async (world, rest) => {
  const mark = world.newMark()
  const id = await running(world, rest, mark)
  return {
    name: mark, mark, transport: 'stdio', value: null, doneAlready: 'OK',
    act: () => world.boss.execute(RevokeEntryDocument, { input: { id, reason: 'It leaks.', mode: 'IMMEDIATE' } }),
    read: async () => {
      const [entry, { revocations }] = [await entryOf(world.ann, id), await world.boss.execute(RevocationsDocument, { entryId: id })]
      return oldOrNew([entry?.revision, entry?.status, revocations.nodes.length], [1, 'ACTIVE', 0], [2, 'REVOKED', 1])
    },
    id: async () => id,
  }
}

const restore: Flow = async (world, rest) => {
  const mark = world.newMark()
  const id = await running(world, rest, mark)
  await world.boss.execute(RevokeEntryDocument, { input: { id, reason: 'It leaks.', mode: 'IMMEDIATE' } })
  await rest(world, { name: mark, mark, transport: 'stdio', value: null })
  await untilComplete(world, id)
  return {
    name: mark, mark, transport: 'stdio', value: valueOf(mark, 1), doneAlready: 'REVISION_CONFLICT',
    act: () => world.ann.execute(RestoreEntryDocument, { input: { id, expectedRevision: 2 } }),
    read: async () => {
      const entry = await entryOf(world.ann, id)
      const isAsked = await requestOf(world, id) !== undefined
      const seen = [entry?.revision, entry?.status, isAsked]
      // Approved by then, or not yet.
      return oldOrNew(seen, [2, 'REVOKED', false], entry?.status === 'ACTIVE' ? [3, 'ACTIVE', false] : [3, 'PENDING_APPROVAL', true])
    },
    // Neither who made, revoked nor restored it.
    after: () => approve(world.admin, world, id),
    id: async () => id,
  }
}

/** Everything that issue and design call a change of an entry, once for each way that it takes. */
export const flows: Record<string, Flow> = {
  register, approve: approveIt, apply, 'rotate a header': rotate('http'), 'rotate an environment': rotate('stdio'), revoke, restore,
}
