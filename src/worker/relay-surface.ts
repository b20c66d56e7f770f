import { type SessionServer, type SessionUpstream } from './adapter.js'
import { type CallOptions, type CallToolResult, type UpstreamTool } from './connector.js'
import { ToolCallError } from './errors.js'
import { type OfferKind } from './offer-book.js'
import { byPrecedence, inSessionOrder, offerByName } from './offer-by-name.js'
import { type Offers, type Questions } from './offers.js'
import { publicToolName } from './tool-name.js'
import { isOfTemplate } from './uri-template.js'

/**
 * What one endpoint offers, whoever asks. Nothing is kept: every answer is worked out from what the servers say behind
 * their gates at that moment, so that what is listed can be had, over every change (S28).
 */
export interface RelaySurface {
  instructions: () => string | null
  tools: () => UpstreamTool[]
  /** @throws ToolCallError */
  callTool: (name: string, args: Record<string, unknown>, options: CallOptions) => Promise<CallToolResult>
  prompts: () => Promise<Array<Offers['PROMPTS']>>
  resources: () => Promise<Array<Offers['RESOURCES']>>
  templates: () => Promise<Array<Offers['TEMPLATES']>>
  /** @throws ToolCallError */
  getPrompt: (params: Questions['prompts/get']['params'], options: CallOptions) => Promise<Questions['prompts/get']['result']>
  /**
   * The server that has a resource of that URI.
   * @throws ToolCallError
   */
  ownerOf: (uri: string) => Promise<SessionUpstream>
  /** @throws ToolCallError */
  complete: (params: Questions['completion/complete']['params'], options: CallOptions) => Promise<Questions['completion/complete']['result']>
}

type Listing<Kind extends OfferKind> = Map<SessionServer, ReadonlyArray<Offers[Kind]>>

/** A server that does not answer in time is left out; it must not take the lists of the others along. */
async function listAll<Kind extends OfferKind>(servers: SessionServer[], kind: Kind): Promise<Listing<Kind>> {
  return new Map(await Promise.all(servers.map(async (server) => (
    [server, await server.upstream.offers(kind).catch((): ReadonlyArray<Offers[Kind]> => [])] as const
  ))))
}

/** Told of calls of a tool that no server has, by its public name: a server may have had it before it was withdrawn. */
export type OnUnknownTool = (toolName: string) => void

/** All servers of a session on one endpoint: names get the server's in front, and of two URIs the one listed first counts. */
export function mergedSurface(servers: () => SessionServer[], onUnknownTool: OnUnknownTool): RelaySurface {
  const toolsNow = () => offerByName(servers(), ({ upstream }) => upstream.tools())
  const promptsNow = async () => {
    const all = servers()
    const listed = await listAll(all, 'PROMPTS')
    return offerByName(all, (server) => listed.get(server) ?? [])
  }
  const promptNamed = async (name: string) => {
    const found = (await promptsNow()).offered.get(name)
    if (found === undefined) throw new ToolCallError('UNKNOWN_PROMPT', `There is no prompt ${name} in this session.`)
    return found
  }
  const ownerOf = async (uri: string) => {
    const all = byPrecedence(servers())
    const resources = await listAll(all, 'RESOURCES')
    const templates = async () => {
      const listed = await listAll(all, 'TEMPLATES')
      return all.find((server) => listed.get(server)!.some(({ uriTemplate }) => uriTemplate === uri || isOfTemplate(uri, uriTemplate)))
    }
    const owner = all.find((server) => resources.get(server)!.some((resource) => resource.uri === uri)) ?? await templates()
    if (owner === undefined) throw new ToolCallError('UNKNOWN_RESOURCE', `There is no resource ${uri} in this session.`)
    return owner.upstream
  }
  const firstOfEach = async <Kind extends OfferKind>(kind: Kind, keyOf: (item: Offers[Kind]) => string) => {
    const all = byPrecedence(servers())
    const listed = await listAll(all, kind)
    const first = new Map<string, { item: Offers[Kind]; order: number }>()
    for (const server of all) {
      for (const item of listed.get(server)!) if (!first.has(keyOf(item))) first.set(keyOf(item), { item, order: server.order })
    }
    return [...first.values()].sort((a, b) => a.order - b.order).map(({ item }) => item)
  }
  return {
    // Those of one server each are no help among many, and could not be told anew when servers come and go.
    instructions: () => null,
    tools: () => inSessionOrder(toolsNow()).map(({ publicName, item }) => ({ ...item, name: publicName })),
    callTool: async (name, args, options) => {
      const found = toolsNow().offered.get(name)
      if (found === undefined) {
        onUnknownTool(name)
        throw new ToolCallError('UNKNOWN_TOOL', `There is no tool ${name} in this session.`)
      }
      return found.server.upstream.callTool(found.item.name, args, options)
    },
    prompts: async () => inSessionOrder(await promptsNow()).map(({ publicName, item }) => ({ ...item, name: publicName })),
    resources: () => firstOfEach('RESOURCES', ({ uri }) => uri),
    templates: () => firstOfEach('TEMPLATES', ({ uriTemplate }) => uriTemplate),
    getPrompt: async (params, options) => {
      const { item, server } = await promptNamed(params.name)
      return server.upstream.ask('prompts/get', { ...params, name: item.name }, options)
    },
    ownerOf,
    complete: async (params, options) => {
      if (params.ref.type === 'ref/resource') return (await ownerOf(params.ref.uri)).ask('completion/complete', params, options)
      const { item, server } = await promptNamed(params.ref.name)
      return server.upstream.ask('completion/complete', { ...params, ref: { ...params.ref, name: item.name } }, options)
    },
  }
}

/** One server with its own names; nothing is there while it is not loaded. */
export function singleSurface(name: string, server: () => SessionServer | undefined, onUnknownTool: OnUnknownTool): RelaySurface {
  const upstream = () => {
    const found = server()?.upstream
    if (found === undefined) throw new ToolCallError('WITHDRAWN', 'The MCP server is not available in this session.')
    return found
  }
  const listed = async <Kind extends OfferKind>(kind: Kind) => [...await server()?.upstream.offers(kind) ?? []]
  return {
    instructions: () => server()?.upstream.instructions() ?? null,
    tools: () => [...server()?.upstream.tools() ?? []],
    callTool: async (toolName, args, options) => {
      if (server() === undefined) onUnknownTool(publicToolName(name, toolName))
      return upstream().callTool(toolName, args, options)
    },
    prompts: () => listed('PROMPTS'),
    resources: () => listed('RESOURCES'),
    templates: () => listed('TEMPLATES'),
    getPrompt: async (params, options) => upstream().ask('prompts/get', params, options),
    ownerOf: async () => upstream(),
    complete: async (params, options) => upstream().ask('completion/complete', params, options),
  }
}
