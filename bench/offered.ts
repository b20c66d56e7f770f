import { type CopilotSession } from '@github/copilot-sdk'
import { createCatalogWorker } from 'pilothouse/worker'
import { copilotAdapter } from 'pilothouse/worker/copilot'
import { DeleteEntryDocument } from '../src/client/index.js'
import { type CopilotHost, startCopilotHost } from './copilot-host.js'
import { type BenchPostgres } from './database.js'
import { registerServer, startLiveCatalog } from './live-catalog.js'
import { nowMs } from './machine.js'
import { type Profile } from './measures.js'
import { summarize, type Summary } from './stats.js'

/** Milliseconds from a change sent, until the prompt after it could be sent, and until the model was offered the tool. */
export interface OfferedTimes {
  prompt: Summary
  offered: Summary
}

export interface OfferedResult {
  kind: 'OFFERED'
  ours: OfferedTimes
  direct: OfferedTimes
  /** Until the mutation was answered. */
  answer: Summary
  /** Requests that did not offer what they should have, or still offered what was gone. */
  wrong: string[]
}

export interface OfferedOptions {
  postgres: BenchPostgres
  /** Changes of each way before anything is measured, and those that are. */
  warmUp: number
  changes: number
  profile: (inspectorUrl: string | null) => ReturnType<Profile>
  isInspected: boolean
}

/** One way for a server to come into a live session, and to leave it again. */
interface Way {
  /** Resolves when a prompt may be sent; `answeredAt` is of the mutation, where there is one. */
  add: (name: string) => Promise<{ answeredAt: number | null }>
  remove: (name: string) => Promise<void>
  session: () => CopilotSession
  toolName: (serverName: string) => string
}

interface Change {
  prompt: number
  offered: number
  answer: number | null
}

/** As a host does it that knows all by itself: a resume of the loaded session, which answers before the server is connected. */
async function directWay({ client, config }: CopilotHost, mcpServerUrl: string): Promise<Way> {
  let session = await client.createSession({ ...config, mcpServers: {} })
  const { sessionId } = session
  const resume = async (names: string[]) => {
    const mcpServers = Object.fromEntries(names.map((name) => [name, { type: 'http' as const, url: mcpServerUrl, tools: ['*'] }]))
    session = await client.resumeSession(sessionId, { ...config, mcpServers, suppressResumeEvent: true })
  }
  return {
    add: async (name) => {
      await resume([name])
      return { answeredAt: null }
    },
    remove: () => resume([]),
    session: () => session, toolName: (serverName) => `${serverName}-lookup`,
  }
}

/** One change: the server comes, a prompt is sent, and the model's first request must offer the tool. Then all of it back. */
async function change(host: CopilotHost, way: Way, name: string, wrong: string[]): Promise<Change> {
  const ask = async (isWanted: boolean) => {
    const asked = host.nextRequest()
    const sentAt = nowMs()
    const [{ at, offered }] = await Promise.all([asked, way.session().sendAndWait({ prompt: 'Who owns the ticket?' })])
    if (offered.includes(way.toolName(name)) !== isWanted) wrong.push(`${way.toolName(name)} was ${isWanted ? 'not' : 'still'} offered`)
    return { sentAt, at }
  }
  const begin = nowMs()
  const { answeredAt } = await way.add(name)
  const { sentAt, at } = await ask(true)
  await way.remove(name)
  await ask(false)
  return { prompt: sentAt - begin, offered: at - begin, answer: answeredAt === null ? null : answeredAt - begin }
}

function timesOf(changes: Change[]): OfferedTimes {
  return { prompt: summarize(changes.map(({ prompt }) => prompt)), offered: summarize(changes.map(({ offered }) => offered)) }
}

/** Both ways in turn, in two sessions of one runtime, with the same MCP server under names that neither has seen before. */
export async function measureOffered({ postgres, warmUp, changes, profile, isInspected }: OfferedOptions): Promise<OfferedResult> {
  const catalog = await startLiveCatalog({ postgres, places: 1, isInspected })
  const mcpServerUrl = catalog.mcpServerUrls[0]!
  const host = await startCopilotHost()
  const worker = await createCatalogWorker({ url: catalog.url, token: catalog.workerToken, workerId: 'bench' })
  try {
    const adapter = copilotAdapter({ client: host.client, config: host.config })
    const session = await worker.openSession({ id: 'bench', owner: catalog.owner, adapter })
    const ids = new Map<string, string>()
    const ours: Way = {
      add: async (name) => {
        const { id, cursor } = await registerServer(catalog, name, mcpServerUrl)
        const answeredAt = nowMs()
        ids.set(name, id)
        await session.settled(cursor)
        return { answeredAt }
      },
      remove: async (name) => {
        const { deleteEntry } = await catalog.client.execute(DeleteEntryDocument, { input: { id: ids.get(name)!, expectedRevision: 1 } })
        await session.settled(deleteEntry.cursor)
      },
      session: () => adapter.session(), toolName: (serverName) => `catalog-${serverName}-lookup`,
    }
    const direct = await directWay(host, mcpServerUrl)
    const wrong: string[] = []
    for (let at = 0; at < warmUp; at++) for (const way of [direct, ours]) await change(host, way, `warm-${at}`, wrong)
    const endProfile = await profile(catalog.inspectorUrl)
    const [ofDirect, ofOurs]: [Change[], Change[]] = [[], []]
    for (let at = 0; at < changes; at++) {
      ofDirect.push(await change(host, direct, `tickets-${at}`, wrong))
      ofOurs.push(await change(host, ours, `tickets-${at}`, wrong))
    }
    await endProfile()
    return {
      kind: 'OFFERED', ours: timesOf(ofOurs), direct: timesOf(ofDirect), answer: summarize(ofOurs.flatMap(({ answer }) => answer ?? [])), wrong,
    }
  } finally {
    await worker.close()
    await host.close()
    await catalog.stop()
  }
}
