import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  AcceptToolsDocument, ApprovalsDocument, AuditEventsDocument, DecideApprovalDocument, EffectiveCatalogDocument, ExplainAvailabilityDocument, type McpServerDefinitionInput, type OwnerInput,
  RegisterAgentDocument, RegisterMcpServerDocument, ReportToolInventoryDocument, RollbackEntryDocument, SetUserRoleDocument, ToolInventoryDocument, UpdateMcpServerDocument,
} from '../../src/client/index.js'
import { type Person, startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const seen = (name: string | null, text: string) => ({ name, hash: createHash('sha256').update(text).digest('hex'), text: `${text}\n` })
const ownerOf = (who: Person): OwnerInput => ({ kind: 'USER', id: who.id })

const { server } = shared({ server: startTestServer })
let [worker, alice, second]: Person[] = []
beforeAll(async () => {
  [worker, alice, second] = await Promise.all([server.worker(), server.user('alice'), server.user('second')])
  await server.admin.client.execute(SetUserRoleDocument, { userId: second.id, role: 'ADMIN' })
})

async function entryOf(who: Person, name: string, definition: McpServerDefinitionInput = { transport: { http: { url: `https://${name}.example.com/mcp` } } }, more: object = {}) {
  return (await who.client.execute(RegisterMcpServerDocument, { input: { owner: { kind: 'USER' }, name, definition, ...more } })).registerMcpServer.mcpServer
}

const report = async (entry: { id: string; digest: string }, owner: OwnerInput, ...tools: Array<ReturnType<typeof seen>>) => (
  await worker!.client.execute(ReportToolInventoryDocument, { input: { entryId: entry.id, digest: entry.digest, owner, tools } })).reportToolInventory.pins
const inventoryOf = async (who: Person, entryId: string) => (await who.client.execute(ToolInventoryDocument, { entryId })).toolInventory
const accept = (who: Person, { id: entryId, digest }: { id: string; digest: string }, ...tools: Array<ReturnType<typeof seen>>) => (
  who.client.execute(AcceptToolsDocument, { input: { entryId, digest, tools: tools.map(({ name, hash }) => ({ name, hash })) } }))
const actionsOn = async (target: string) => (await server.admin.client.execute(AuditEventsDocument, { target, first: 20 })).auditEvents.nodes.map(({ action }) => action).filter((action) => action.startsWith('tools.'))

describe('an edit', () => {
  const url = 'https://edits.example.com/mcp'
  it.each<[what: string, definition: McpServerDefinitionInput]>([
    ['a limit', { transport: { http: { url } }, timeoutMs: 5_000 }], ['the selection', { transport: { http: { url } }, tools: { exclude: ['none'] } }],
    ['the default set', { transport: { http: { url } }, default: true }],
  ])('S10, S27: of %s lets in nothing that is held, nor moves what is pinned, there and back', async (what, definition) => {
    const name = `edit-${what.replace(/\W/g, '')}`
    const entry = await entryOf(alice!, name, { transport: { http: { url } } })
    const pins = await report(entry, ownerOf(alice!), seen('add', 'adds'))
    await report(entry, ownerOf(alice!), seen('add', 'poison'))
    const subscriber = await alice!.watch()
    await subscriber.nextSnapshot()
    const { updateMcpServer: { mcpServer: edited } } = await alice!.client.execute(UpdateMcpServerDocument, { input: { id: entry.id, expectedRevision: 1, definition } })
    expect(edited.digest).not.toBe(entry.digest)
    // The worker has what the new definition is held to with the definition itself.
    expect(await subscriber.nextDelta()).toMatchObject({ upserted: [{ id: entry.id }], toolPins: [{ ...pins, digest: edited.digest }] })
    expect(await report(edited, ownerOf(alice!), seen('add', 'poison'), seen('more', 'more'))).toMatchObject({ version: 1, tools: pins.tools })
    expect((await inventoryOf(alice!, entry.id))!).toMatchObject({ digest: edited.digest, pins: { version: 1 }, held: [{ name: 'add' }, { name: 'more' }] })
    await accept(alice!, edited, seen('more', 'more'))
    const { rollbackEntry } = await alice!.client.execute(RollbackEntryDocument, { input: { id: entry.id, expectedRevision: 2, toRevision: 1 } })
    expect(await report(entry, ownerOf(alice!), seen('add', 'poison'), seen('more', 'more'))).toMatchObject({ digest: entry.digest, version: 2, tools: [{ name: 'add', hash: pins.tools[0]!.hash }, { name: 'more' }] })
    expect(rollbackEntry.entry.id).toBe(entry.id)
  })

  it.each<[what: string, transport: McpServerDefinitionInput['transport']]>([
    ['the path', { http: { url: `${url}2` } }], ['a header', { http: { url, headers: [{ name: 'X-Tenant', value: 'b' }] } }],
  ])('S26: of %s asks another server, whose first inventory counts', async (what, transport) => {
    const entry = await entryOf(alice!, `place-${what.replace(/\W/g, '')}`, { transport: { http: { url } } })
    await report(entry, ownerOf(alice!), seen('add', 'adds'))
    const { updateMcpServer: { mcpServer: edited } } = await alice!.client.execute(UpdateMcpServerDocument, { input: { id: entry.id, expectedRevision: 1, definition: { transport } } })
    expect(await inventoryOf(alice!, entry.id)).toBeNull()
    expect(await report(edited, ownerOf(alice!), seen('add', 'another'))).toMatchObject({ version: 2, tools: [{ hash: seen('add', 'another').hash }] })
  })
})

describe('what is held', () => {
  it('S10: is a change like any other to those who wait for one, in the audit, in the set and in the answer to why; once, and never for those who only use the entry', async () => {
    const bob = await server.user('bob')
    const { id, digest } = await entryOf(alice!, 'told', undefined)
    const asked = async (who: Person, owner = alice!) => {
      const [{ effectiveCatalog }, { explainAvailability }] = await Promise.all([
        who.client.execute(EffectiveCatalogDocument, { owner: ownerOf(owner) }), who.client.execute(ExplainAvailabilityDocument, { owner: ownerOf(owner), kind: 'MCP_SERVER', name: 'told' }),
      ])
      return { cursor: effectiveCatalog.cursor, held: effectiveCatalog.toolsHeld.filter(({ entryId }) => entryId === id), step: explainAvailability.steps.find(({ check }) => check === 'tools') }
    }
    await report({ id, digest }, ownerOf(alice!), seen('add', 'adds'))
    const before = await asked(alice!)
    expect(before).toMatchObject({ held: [], step: undefined })
    const changed = [seen('add', 'poison'), seen('\u0430dd', 'look-alike'), seen(null, 'Trust me.')]
    for (let times = 0; times < 2; times++) await report({ id, digest }, ownerOf(alice!), ...changed)
    const after = await asked(alice!)
    expect(after.cursor > before.cursor).toBe(true)
    expect(after).toMatchObject({
      held: [{ entryId: id, names: ['add', '\u0430dd'], instructions: true }],
      step: { passed: false, reason: 'Not as accepted: add, \\u{430}dd, the server\'s instructions. Sessions go without until it is looked at and accepted.' },
    })
    expect(await actionsOn(id)).toEqual(['tools.hold', 'tools.pin'])
    // A node that starts now knows it too.
    expect((await asked((await server.node()).as(alice!))).held).toEqual(after.held)

    const { updateMcpServer: { mcpServer } } = await server.admin.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, visibility: 'SHARED', audience: [ownerOf(bob)] } })
    expect(await asked(bob, bob)).toMatchObject({ held: [], step: undefined })
    expect((await inventoryOf(bob, id))).toMatchObject({ held: [], pins: { tools: [{ name: 'add' }] } })
    await accept(alice!, mcpServer, ...changed)
    expect(await asked(alice!)).toMatchObject({ held: [], step: undefined })
  })

  it('S5: of an entry that needs an approval is not let in by who made the definition, but by another approver', async () => {
    const entry = await entryOf(server.admin, 'made', { transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3'] } } })
    const { approvals } = await second!.client.execute(ApprovalsDocument, { state: 'PENDING', first: 10 })
    const { id } = approvals.nodes.find(({ entryName }) => entryName === 'made')!
    await second!.client.execute(DecideApprovalDocument, { input: { id, digest: entry.digest, decision: 'APPROVE' } })
    await report(entry, ownerOf(server.admin), seen('add', 'adds'))
    await report(entry, ownerOf(server.admin), seen('add', 'poison'))
    await expect(accept(server.admin, entry, seen('add', 'poison'))).rejects.toMatchObject({ code: 'APPROVAL_NOT_ALLOWED' })
    expect((await inventoryOf(server.admin, entry.id))!.pins.tools).toEqual([{ name: 'add', hash: seen('add', 'adds').hash }])
    await accept(second!, entry, seen('add', 'poison'))
    expect(await actionsOn(entry.id)).toEqual(['tools.accept', 'tools.hold', 'tools.pin'])
  })

  it('is nothing of an agent', async () => {
    const { registerAgent: { agent } } = await alice!.client.execute(RegisterAgentDocument, { input: { owner: { kind: 'USER' }, name: 'helper', definition: { prompt: 'Help.' } } })
    await expect(report(agent, ownerOf(alice!), seen('add', 'adds'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
