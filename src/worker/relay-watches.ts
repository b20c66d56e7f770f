import { type SessionUpstream } from './adapter.js'
import { ToolCallError } from './errors.js'

/** The resources that one MCP client subscribed to, wherever they live now. */
export interface RelayWatches {
  /** @throws ToolCallError */
  add: (uri: string) => Promise<void>
  remove: (uri: string) => Promise<void>
  /** Servers came, went or list other resources: what another server has now is watched there, and told as changed. */
  revise: () => Promise<void>
  close: () => void
}

const mostWatches = 500

interface Watch {
  owner: SessionUpstream | null
  end: () => void
}

export function createRelayWatches(ownerOf: (uri: string) => Promise<SessionUpstream>, tell: (uri: string) => void): RelayWatches {
  const watches = new Map<string, Watch>()
  let isClosed = false
  // One after the other, or two could watch one URI.
  let queue: Promise<unknown> = Promise.resolve()
  const inTurn = <Result>(step: () => Promise<Result>): Promise<Result> => {
    const result = queue.then(step)
    queue = result.catch(() => {})
    return result
  }
  const start = async (uri: string, owner: SessionUpstream): Promise<void> => {
    const end = await owner.watch(uri, tell)
    if (isClosed) end()
    else watches.set(uri, { owner, end })
  }
  const reviseOne = async (uri: string, { owner, end }: Watch): Promise<void> => {
    const now = await ownerOf(uri).catch(() => null)
    if (now === owner || isClosed) return
    end()
    watches.set(uri, { owner: null, end: () => {} })
    if (now === null) return
    await start(uri, now).catch(() => {})
    tell(uri)
  }
  return {
    add: (uri) => inTurn(async () => {
      if (watches.has(uri)) return
      if (watches.size >= mostWatches) throw new ToolCallError('UPSTREAM', `A client may subscribe to at most ${mostWatches} resources; end others first.`)
      await start(uri, await ownerOf(uri))
    }),
    remove: (uri) => inTurn(async () => {
      watches.get(uri)?.end()
      watches.delete(uri)
    }),
    revise: () => inTurn(async () => {
      for (const [uri, watch] of [...watches]) await reviseOne(uri, watch)
    }),
    close: () => {
      isClosed = true
      for (const { end } of watches.values()) end()
      watches.clear()
    },
  }
}
