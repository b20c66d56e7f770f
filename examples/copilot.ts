/**
 * A GitHub Copilot session for you that follows the catalog: what is registered while it is open is in its next request.
 * It needs somebody who is signed in to Copilot on this machine.
 *
 *   npx tsx examples/copilot.ts               then type what you want to ask; Ctrl-D ends
 */
import { createInterface } from 'node:readline'
import { approveAll, CopilotClient } from '@github/copilot-sdk'
import { CreateAccessTokenDocument, ViewerDocument } from 'pilothouse/client'
import { createCatalogWorker } from 'pilothouse/worker'
import { copilotAdapter } from 'pilothouse/worker/copilot'
import { connect } from './connection.js'

const { url, client } = connect()
const { viewer } = await client.execute(ViewerDocument)
const owner = { kind: 'USER', id: viewer.principal.id } as const
const { createAccessToken } = await client.execute(CreateAccessTokenDocument, {
  input: { kind: 'WORKER', name: 'copilot example', expiresInDays: 1, serves: [owner] },
})

const copilot = new CopilotClient()
const worker = await createCatalogWorker({ url, token: createAccessToken.secret, workerId: 'copilot-example' })
const adapter = copilotAdapter({ client: copilot, config: { onPermissionRequest: approveAll } })
const session = await worker.openSession({ id: 'copilot-example', owner, adapter })

process.stdout.write(`The session of ${viewer.principal.displayName} is open.\n`)
for await (const prompt of createInterface({ input: process.stdin })) {
  const answer = await adapter.session().sendAndWait({ prompt })
  process.stdout.write(`${answer?.data.content ?? ''}\n`)
  for (const { kind, name, state, reason } of session.effective) process.stdout.write(`  ${kind} ${name}: ${state} ${reason ?? ''}\n`)
}
await worker.close()
await copilot.stop()
