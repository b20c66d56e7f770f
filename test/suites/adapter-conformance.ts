import { describe, expect, it } from 'vitest'
import { type CatalogAdapter, type SessionAgent, type SessionServer, type SessionUpstream } from '../../src/worker/adapter.js'
import { ToolCallError } from '../../src/worker/errors.js'
import { text } from '../support/mcp-servers.js'

/** A connected server with these tools; `calls` are those that reached it. */
export function upstreamOf(...tools: string[]): SessionUpstream & { calls: string[]; change: (...tools: string[]) => void } {
  let current = tools
  const calls: string[] = []
  const listeners = new Set<() => void>()
  return {
    calls,
    tools: () => current.map((name) => ({ name, inputSchema: { type: 'object' as const } })),
    callTool: async (name) => {
      calls.push(name)
      return text(name)
    },
    onToolsChanged: (listener) => {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    },
    heldTools: () => [],
    instructions: () => null,
    offers: async () => [],
    ask: async (method) => { throw new ToolCallError('UPSTREAM', `nothing answers ${method}`) },
    watch: async () => () => {},
    offeredSince: () => 0,
    onOffersChanged: () => () => {},
    change: (...next) => {
      current = next
      for (const listener of listeners) listener()
    },
  }
}

export function serverItem(name: string, changes: Partial<SessionServer> = {}): SessionServer {
  return {
    kind: 'MCP_SERVER', name, origin: 'catalog', entryId: `id-${name}`, revision: 1, order: 0, description: '', isDefault: false, upstream: upstreamOf('tool'), ...changes,
  }
}

export function agentItem(name: string, changes: Partial<SessionAgent> = {}): SessionAgent {
  const definition = { description: '', prompt: 'Help.', tools: null, skills: [], mcpServers: [], inheritDefaultMcpServers: false, model: null }
  return { kind: 'AGENT', name, origin: 'catalog', entryId: `id-${name}`, revision: 1, order: 0, definition, ...changes }
}

/** What every adapter promises (src/worker/adapter.ts). A new one is done when this passes. */
export function adapterConformance(name: string, create: () => CatalogAdapter): void {
  const brief = (adapter: CatalogAdapter) => adapter.list().map(({ kind, name, revision }) => `${kind} ${name}@${revision}`)

  describe(`${name} as an adapter`, () => {
    it('holds nothing at first', () => { expect(create().list()).toEqual([]) })

    it('holds what it was given, with what is known of it', async () => {
      const adapter = create()
      await adapter.load(serverItem('a', { revision: 3 }))
      expect(adapter.list()).toEqual([{ kind: 'MCP_SERVER', name: 'a', origin: 'catalog', entryId: 'id-a', revision: 3, reason: null }])
    })

    it('holds one entry for each kind and name; a newer revision replaces', async () => {
      const adapter = create()
      await adapter.load(serverItem('a', { order: 0 }))
      await adapter.load(agentItem('a', { order: 1 }))
      await adapter.load(serverItem('a', { order: 0, revision: 2 }))
      expect(brief(adapter)).toEqual(['MCP_SERVER a@2', 'AGENT a@1'])
    })

    it('lists in the order of the session, whatever came up first', async () => {
      const adapter = create()
      await adapter.load(serverItem('late', { order: 2 }))
      await adapter.load(agentItem('middle', { order: 1 }))
      await adapter.load(serverItem('early', { order: 0 }))
      expect(brief(adapter)).toEqual(['MCP_SERVER early@1', 'AGENT middle@1', 'MCP_SERVER late@1'])
    })

    it.each(['DRAIN', 'IMMEDIATE'] as const)('lets go of one entry by %s and of no other', async (mode) => {
      const adapter = create()
      await adapter.load(serverItem('a', { order: 0 }))
      await adapter.load(agentItem('a', { order: 1 }))
      await adapter.load(serverItem('b', { order: 2 }))
      await adapter.unload('MCP_SERVER', 'a', mode)
      expect(brief(adapter)).toEqual(['AGENT a@1', 'MCP_SERVER b@1'])
      await adapter.unload('AGENT', 'a', mode)
      expect(brief(adapter)).toEqual(['MCP_SERVER b@1'])
    })

    it('lets go twice, or of what it never had, without harm', async () => {
      const adapter = create()
      await adapter.load(serverItem('a'))
      for (let times = 0; times < 2; times += 1) await adapter.unload('MCP_SERVER', 'a', 'IMMEDIATE')
      await adapter.unload('AGENT', 'never', 'DRAIN')
      expect(adapter.list()).toEqual([])
    })

    it('takes an entry back that was gone', async () => {
      const adapter = create()
      await adapter.load(serverItem('a'))
      await adapter.unload('MCP_SERVER', 'a', 'IMMEDIATE')
      await adapter.load(serverItem('a', { revision: 4 }))
      expect(brief(adapter)).toEqual(['MCP_SERVER a@4'])
    })
  })
}
