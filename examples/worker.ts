/**
 * A worker with one open session for you: it shows the session's tools as the catalog changes, and calls them.
 *
 *   npm run example:worker                    then type:  everything-echo {"message": "hello"}
 */
import { createInterface } from 'node:readline'
import { CreateAccessTokenDocument, ViewerDocument } from 'pilothouse/client'
import { createCatalogWorker } from 'pilothouse/worker'
import { mcpAdapter } from 'pilothouse/worker/mcp'
import { connect } from './connection.js'

const say = (line: string) => process.stdout.write(`${line}\n`)

const { url, client } = connect()
const { viewer } = await client.execute(ViewerDocument)
// A worker has a token of its own, which can read effective sets and change nothing.
const owner = { kind: 'USER', id: viewer.principal.id } as const
const { createAccessToken } = await client.execute(CreateAccessTokenDocument, {
  input: { kind: 'WORKER', name: 'example worker', expiresInDays: 1, serves: [owner] },
})

const worker = await createCatalogWorker({ url, token: createAccessToken.secret, workerId: 'example', log: (line) => say(`  (${line})`) })
const host = mcpAdapter()
const session = await worker.openSession({ id: 'example-session', owner, adapter: host })

async function showTools(): Promise<void> {
  const names = (await host.listTools()).map(({ name }) => name)
  say(names.length === 0 ? 'No tools yet. Register a server for yourself and watch.' : `${names.length} tools: ${names.join(', ')}`)
  for (const { name, state, reason } of session.effective) if (reason) say(`  ${name}: ${state}: ${reason}`)
}

say(`The session of ${viewer.principal.displayName} is open. Type a tool's name and its arguments as JSON; Ctrl-C ends.`)
await showTools()
host.onToolsChanged(() => void showTools())

const lines = createInterface({ input: process.stdin })
const stop = async () => {
  lines.close()
  await worker.close()
}
process.once('SIGINT', () => void stop())
process.once('SIGTERM', () => void stop())
lines.on('close', () => void stop())
for await (const line of lines) {
  const [, name, args] = /^\s*(\S+)\s*(.*)$/.exec(line) ?? []
  if (name === undefined) continue
  try {
    const { content } = await host.callTool(name, JSON.parse(args || '{}') as Record<string, unknown>)
    say(JSON.stringify(content, null, 2))
  } catch (error) {
    say(`Refused: ${(error as Error).message}`)
  }
}
