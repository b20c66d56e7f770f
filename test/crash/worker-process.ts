/**
 * A worker in a process of its own that can be killed: one session, with the tools of its MCP servers. Asked over IPC, it says what it has once it
 * settled at a cursor, or calls a tool.
 */
import { createCatalogWorker, ToolCallError } from 'pilothouse/worker'
import { mcpAdapter } from 'pilothouse/worker/mcp'
import { type WorkerAnswer, type WorkerQuestion, type WorkerSetup } from './worker.js'

const { url, token, owner, path } = JSON.parse(process.argv[2]!) as WorkerSetup
const log = (message: string) => void process.stderr.write(`${message}\n`)

const worker = await createCatalogWorker({ url, token, workerId: 'crash', graceMs: 200, connectTimeoutMs: 5_000, launcherPath: path, log })
const host = mcpAdapter()
const session = await worker.openSession({ id: 'session', owner, adapter: host, waitForCatalog: false })

process.on('message', (question: WorkerQuestion) => void answer(question))
process.on('disconnect', () => process.exit(0))
process.send!({ id: 0 } satisfies WorkerAnswer)

async function answer({ id, cursor, tool, closes }: WorkerQuestion): Promise<void> {
  const say = (more: Partial<WorkerAnswer>) => void process.send!({ id, ...more } satisfies WorkerAnswer)
  try {
    if (closes) await worker.close()
    if (cursor !== undefined) {
      await session.settled(cursor)
      return say({ rows: session.effective, tools: (await host.listTools()).map(({ name }) => name) })
    }
    if (tool !== undefined) {
      const { content } = await host.callTool(tool, {}, { signal: AbortSignal.timeout(5_000) })
      return say({ text: (content as Array<{ text: string }>)[0]!.text })
    }
    say({})
  } catch (error) {
    say({ trouble: error instanceof ToolCallError ? error.code : String(error) })
  }
}
