import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo } from 'node:net'

/** What the model does at one of its requests: it calls tools (offered or not), or says something and thereby ends the turn. */
export interface ModelStep {
  call?: string
  args?: Record<string, unknown>
  /** Several calls at once. */
  calls?: Array<{ call: string; args?: Record<string, unknown> }>
  /** Default, without a call: `DONE`. */
  text?: string
  /** The answer waits for it: what is done in here happens in the middle of the turn, between two requests or before the first. */
  before?: () => Promise<unknown>
}

export interface ModelRequest {
  /** Names of the tools that the model was offered. */
  offered: string[]
  /** What the `task` tool can start; empty when it is not offered. */
  agentTypes: string[]
  system: string
  /** What the calls of this turn have returned so far. */
  results: Array<{ tool: string; text: string }>
}

export interface Script {
  /** What a prompt (of the user, or of the `task` tool) must hold so that the model plays it. */
  prompt: string
  /** In the order in which they came. */
  requests: ModelRequest[]
  /** Of the last request. */
  results: () => ModelRequest['results']
}

export interface CopilotModel {
  baseUrl: string
  modelId: string
  script: (...steps: ModelStep[]) => Script
  /** Every request so far, as it came. */
  bodies: string[]
  /** From now on every request is answered with this HTTP status; null: with the scripts again. */
  failWith: (status: number | null) => void
  close: () => Promise<void>
}

interface ChatMessage {
  role: string
  content?: unknown
  tool_call_id?: string
  tool_calls?: Array<{ id: string; index?: number; type?: 'function'; function: { name: string; arguments?: string } }>
}

interface ChatRequest {
  messages: ChatMessage[]
  stream?: boolean
  tools?: Array<{ function: { name: string; parameters?: { properties?: { agent_type?: { enum?: string[] } } } } }>
}

const marker = /@@script:([0-9a-f-]{36})@@/g
const modelId = 'scripted-model'

/**
 * A model that does what the last script in the conversation says, over OpenAI's chat completions on loopback, and writes down
 * what it was offered: step n answers the n-th request after the prompt that names the script.
 */
export async function startCopilotModel(): Promise<CopilotModel> {
  const scripts = new Map<string, { steps: ModelStep[]; requests: ModelRequest[] }>()
  const bodies: string[] = []
  let failure: number | null = null

  const answerTo = async ({ messages, tools = [] }: ChatRequest): Promise<ChatMessage> => {
    const found = lastScript(messages)
    const script = found === null ? undefined : scripts.get(found.id)
    const turn = messages.slice((found?.at ?? -1) + 1)
    script?.requests.push({
      offered: tools.map((tool) => tool.function.name),
      agentTypes: tools.find((tool) => tool.function.name === 'task')?.function.parameters?.properties?.agent_type?.enum ?? [],
      system: messages.filter(({ role }) => role === 'system').map(({ content }) => textOf(content)).join('\n'),
      results: resultsOf(turn),
    })
    const step = script?.steps[turn.filter(({ role }) => role === 'assistant').length] ?? {}
    await step.before?.()
    const calls = step.call === undefined ? step.calls ?? [] : [{ call: step.call, args: step.args }]
    if (calls.length === 0) return { role: 'assistant', content: step.text ?? 'DONE' }
    return {
      role: 'assistant', content: null,
      tool_calls: calls.map(({ call, args = {} }, index) => ({
        index, id: `call_${randomUUID()}`, type: 'function', function: { name: call, arguments: JSON.stringify(args) },
      })),
    }
  }

  const server = createServer((request, response) => void (async () => {
    const text = await textFrom(request)
    bodies.push(text)
    const body = request.url?.endsWith('/chat/completions') === true ? JSON.parse(text) as ChatRequest : null
    if (failure !== null || body === null) {
      response.writeHead(failure ?? 404, { 'content-type': 'application/json' }).end(JSON.stringify({ error: { message: 'scripted failure' } }))
      return
    }
    const message = await answerTo(body)
    const reason = message.tool_calls === undefined ? 'stop' : 'tool_calls'
    const base = { id: `chatcmpl-${randomUUID()}`, created: 0, model: modelId }
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
    if (body.stream !== true) {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ ...base, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: reason }], usage }))
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const chunk = (value: object) => response.write(`data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', ...value })}\n\n`)
    chunk({ choices: [{ index: 0, delta: { ...message, content: message.content ?? '' }, finish_reason: null }] })
    chunk({ choices: [{ index: 0, delta: {}, finish_reason: reason }] })
    chunk({ choices: [], usage })
    response.end('data: [DONE]\n\n')
  })())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, modelId,
    script: (...steps) => {
      const id = randomUUID()
      const requests: ModelRequest[] = []
      scripts.set(id, { steps, requests })
      return { prompt: `@@script:${id}@@`, requests, results: () => requests.at(-1)?.results ?? [] }
    },
    bodies,
    failWith: (status) => { failure = status },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function textFrom(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk as string
  return body
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  return Array.isArray(content) ? content.map((part: { text?: string }) => part.text ?? '').join('\n') : ''
}

function lastScript(messages: ChatMessage[]): { id: string; at: number } | null {
  const at = messages.findLastIndex(({ role, content }) => role === 'user' && textOf(content).includes('@@script:'))
  const id = at === -1 ? undefined : [...textOf(messages[at]!.content).matchAll(marker)].at(-1)?.[1]
  return id === undefined ? null : { id, at }
}

function resultsOf(turn: ChatMessage[]): ModelRequest['results'] {
  const names = new Map(turn.flatMap(({ tool_calls: calls = [] }) => calls.map((call) => [call.id, call.function.name] as const)))
  return turn.filter(({ role }) => role === 'tool').map(({ tool_call_id: id = '', content }) => ({ tool: names.get(id) ?? '', text: textOf(content) }))
}
