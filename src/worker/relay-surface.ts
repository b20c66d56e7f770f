import { type SessionServer, type SessionUpstream } from './adapter.js'
import { type CallOptions, type CallToolResult, type UpstreamTool } from './connector.js'
import { ToolCallError } from './errors.js'
import { type OfferKind } from './offer-book.js'
import { inSessionOrder, noTool, offerByName, toolsByName } from './offer-by-name.js'
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

/** All servers of a session on one endpoint: names get the server's in front, and of two that come to one name or URI the one offered first counts. */
export function mergedSurface(servers: () => SessionServer[], onUnknownTool: OnUnknownTool): RelaySurface {
  const toolsNow = () => toolsByName(servers())
  const offersNow = async <Kind extends OfferKind>(
    kind: Kind, nameOf: (item: Offers[Kind], server: SessionServer) => string, isMeant: (item: Offers[Kind]) => boolean = () => true,
  ) => {
    const all = servers()
    const listed = await listAll(all, kind)
    return offerByName(kind, all, (server) => listed.get(server)!.filter(isMeant), nameOf)
  }
  const promptsNow = () => offersNow('PROMPTS', ({ name }, server) => publicToolName(server.name, name))
  const promptNamed = async (name: string) => {
    const found = (await promptsNow()).offered.get(name)
    if (found === undefined) throw new ToolCallError('UNKNOWN_PROMPT', `There is no prompt ${name} in this session.`)
    return found
  }
  const resourcesNow = () => offersNow('RESOURCES', ({ uri }) => uri)
  const ownerOf = async (uri: string) => {
    // What is listed by its own URI is what a client was shown, so no template of another server stands in its way.
    const found = (await resourcesNow()).offered.get(uri)
      ?? (await offersNow('TEMPLATES', () => uri, ({ uriTemplate }) => uriTemplate === uri || isOfTemplate(uri, uriTemplate))).offered.get(uri)
    if (found === undefined) throw new ToolCallError('UNKNOWN_RESOURCE', `There is no resource ${uri} in this session.`)
    return found.server.upstream
  }
  return {
    // Those of one server each are no help among many, and could not be told anew when servers come and go.
    instructions: () => null,
    tools: () => inSessionOrder(toolsNow()).map(({ publicName, item }) => ({ ...item, name: publicName })),
    callTool: async (name, args, options) => {
      const found = toolsNow().offered.get(name)
      if (found === undefined) {
        onUnknownTool(name)
        throw noTool(name, servers())
      }
      return found.server.upstream.callTool(found.item.name, args, options)
    },
    prompts: async () => inSessionOrder(await promptsNow()).map(({ publicName, item }) => ({ ...item, name: publicName })),
    resources: async () => inSessionOrder(await resourcesNow()).map(({ item }) => item),
    templates: async () => inSessionOrder(await offersNow('TEMPLATES', ({ uriTemplate }) => uriTemplate)).map(({ item }) => item),
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
