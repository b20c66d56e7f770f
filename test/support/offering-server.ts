import { type Server } from '@modelcontextprotocol/sdk/server/index.js'
import {
  GetPromptRequestSchema, ListPromptsRequestSchema, ListResourcesRequestSchema, ListResourceTemplatesRequestSchema, ReadResourceRequestSchema,
  SubscribeRequestSchema, UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { startTestMcpServer, type TestMcpServer, type TestMcpServerOptions } from './mcp-servers.js'

export interface OfferingServer extends TestMcpServer {
  /** What was asked of it, lists included, in order. */
  asked: string[]
  setPrompts: (...names: string[]) => Promise<void>
  setResources: (...uris: string[]) => Promise<void>
}

export interface OfferingOptions extends TestMcpServerOptions {
  name: string
  prompts?: string[]
  resources?: string[]
  templates?: string[]
  /** Whether it says that it tells of changes. Default true. */
  listChanged?: boolean
}

/** A real MCP server with prompts and resources that tests can change; each answers with the server's name. */
export async function startOfferingServer(options: OfferingOptions): Promise<OfferingServer> {
  const { name, templates = [], listChanged = true } = options
  let { prompts = [], resources = [] } = options
  const asked: string[] = []
  const register = (server: Server) => {
    server.setRequestHandler(ListPromptsRequestSchema, () => {
      asked.push('prompts')
      return { prompts: prompts.map((each) => ({ name: each, title: `The ${each}` })) }
    })
    server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
      asked.push(`prompt ${params.name}`)
      return { messages: [{ role: 'user', content: { type: 'text', text: `${name} ${params.name} ${JSON.stringify(params.arguments)}` } }] }
    })
    server.setRequestHandler(ListResourcesRequestSchema, () => {
      asked.push('resources')
      return { resources: resources.map((uri) => ({ uri, name: uri })) }
    })
    server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: templates.map((uriTemplate) => ({ uriTemplate, name: uriTemplate })) }))
    server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
      asked.push(`read ${uri}`)
      return { contents: [{ uri, text: name }] }
    })
    server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
      asked.push(`subscribe ${params.uri}`)
      return {}
    })
    server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
      asked.push(`unsubscribe ${params.uri}`)
      return {}
    })
  }
  const server = await startTestMcpServer([], {
    ...options, register, capabilities: { prompts: { listChanged }, resources: { listChanged, subscribe: true } },
  })
  return {
    ...server, asked,
    setPrompts: async (...names) => {
      prompts = names
      await server.tell({ method: 'notifications/prompts/list_changed' })
    },
    setResources: async (...uris) => {
      resources = uris
      await server.tell({ method: 'notifications/resources/list_changed' })
    },
  }
}
