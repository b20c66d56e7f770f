import {
  type CallToolRequest, type CallToolResult, CallToolResultSchema, type CompleteRequest, type CompleteResult, CompleteResultSchema, EmptyResultSchema,
  type GetPromptRequest, type GetPromptResult, GetPromptResultSchema, ListPromptsResultSchema, ListResourcesResultSchema,
  ListResourceTemplatesResultSchema, ListToolsResultSchema, type Prompt, type ReadResourceRequest, type ReadResourceResult, ReadResourceResultSchema,
  type Resource, type ResourceTemplate, type Tool,
} from '@modelcontextprotocol/sdk/types.js'

/** What a server can have, by kind, as the protocol describes one of them. */
export interface Offers {
  TOOLS: Tool
  PROMPTS: Prompt
  RESOURCES: Resource
  TEMPLATES: ResourceTemplate
}

/** Every request that a server is asked once it is connected, lists apart. */
export interface Requests {
  'tools/call': { params: CallToolRequest['params']; result: CallToolResult }
  'prompts/get': { params: GetPromptRequest['params']; result: GetPromptResult }
  'resources/read': { params: ReadResourceRequest['params']; result: ReadResourceResult }
  'completion/complete': { params: CompleteRequest['params']; result: CompleteResult }
  'resources/subscribe': { params: { uri: string }; result: object }
  'resources/unsubscribe': { params: { uri: string }; result: object }
}

/** Those that are passed on as they are, and their answers back. */
export type Questions = Pick<Requests, 'prompts/get' | 'resources/read' | 'completion/complete'>

export const resultSchemas = {
  'tools/call': CallToolResultSchema,
  'prompts/get': GetPromptResultSchema,
  'resources/read': ReadResourceResultSchema,
  'completion/complete': CompleteResultSchema,
  'resources/subscribe': EmptyResultSchema,
  'resources/unsubscribe': EmptyResultSchema,
}

/** How each kind is listed, and the capability that a server without any lacks. */
export const lists = {
  TOOLS: { method: 'tools/list', capability: 'tools', schema: ListToolsResultSchema, field: 'tools' },
  PROMPTS: { method: 'prompts/list', capability: 'prompts', schema: ListPromptsResultSchema, field: 'prompts' },
  RESOURCES: { method: 'resources/list', capability: 'resources', schema: ListResourcesResultSchema, field: 'resources' },
  TEMPLATES: { method: 'resources/templates/list', capability: 'resources', schema: ListResourceTemplatesResultSchema, field: 'resourceTemplates' },
} as const
