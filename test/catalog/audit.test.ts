import { sql } from 'drizzle-orm'
import { expect, it } from 'vitest'
import { AuditChainsDocument, ImportCatalogDocument } from '../../src/client/index.js'
import { startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const { server } = shared({ server: startTestServer })
const states = async () => (await server.admin.client.execute(AuditChainsDocument)).auditChains

it('S15: the state of the chains is that of their newest rows, however long they are, and for admins alone', async () => {
  const stranger = await server.user('stranger')
  expect((await stranger.raw('{ auditChains { name } }')).errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
  const [changes, access] = await states()
  expect(changes).toMatchObject({ name: 'changes', broken: null, head: expect.stringMatching(/^[0-9a-f]{64}$/) as string })
  expect(access).toMatchObject({ name: 'access', checked: 1, broken: null })
  const { db } = server.app.services
  const [{ count }] = await db.execute<{ count: number }>(sql`select count(*)::int as count from audit_event`) as unknown as [{ count: number }]
  expect(changes!.checked).toBe(count)

  const mcpServers = Object.fromEntries(Array.from({ length: 250 }, (_, at) => [`many-${at}`, { type: 'http', url: `https://m${at}.example.com` }]))
  await server.admin.client.execute(ImportCatalogDocument, { input: { owner: { kind: 'USER' }, format: 'MCP_JSON', text: JSON.stringify({ mcpServers }) } })
  // The row before the newest 200 is believed; nothing older is read.
  await db.execute(sql`update audit_event set target = 'other' where sequence = ${count + 49}`)
  expect((await states())[0]).toMatchObject({ checked: 200, broken: null })
  await db.execute(sql`update audit_event set target = 'other' where sequence = ${count + 60}`)
  expect((await states())[0]).toMatchObject({ broken: { sequence: count + 60, reason: 'the row was altered' } })
  await db.execute(sql`delete from audit_event where sequence = ${count + 50}`)
  expect((await states())[0]).toMatchObject({ broken: { sequence: count + 50, reason: 'the row is missing' } })
})
