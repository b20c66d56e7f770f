import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CopilotClient, type SessionConfig } from '@github/copilot-sdk'
import { nowMs } from './machine.js'

/** What the model was asked with: when the request had been read, and the tools that it offers. */
export interface ModelRequest {
  at: number
  offered: string[]
}

/** A Copilot runtime, offline, whose model says one word to whatever it is asked. */
export interface CopilotHost {
  client: CopilotClient
  /** What every session needs to talk to the model. */
  config: SessionConfig
  /** The next request that the model gets; nothing else may be asked meanwhile. */
  nextRequest: () => Promise<ModelRequest>
  close: () => Promise<void>
}

export async function startCopilotHost(): Promise<CopilotHost> {
  const folder = await mkdtemp(join(tmpdir(), 'pilothouse-bench-copilot-'))
  const [home, cache, work] = await Promise.all(['home', 'cache', 'work'].map(async (name) => {
    await mkdir(join(folder, name))
    return join(folder, name)
  }))
  let heard = (_request: ModelRequest) => {}
  const model = createModel((request) => heard(request))
  model.listen(0, '127.0.0.1')
  await once(model, 'listening')
  const client = new CopilotClient({
    baseDirectory: join(folder, 'copilot'), workingDirectory: work, useLoggedInUser: false, logLevel: 'none',
    env: { PATH: process.env.PATH, HOME: home, USERPROFILE: home, XDG_CACHE_HOME: cache },
  })
  await client.start()
  return {
    client,
    config: {
      model: modelId, provider: { type: 'openai', baseUrl: `http://127.0.0.1:${(model.address() as AddressInfo).port}/v1`, apiKey: 'unused' },
      onPermissionRequest: () => ({ kind: 'approve-once' }),
    },
    nextRequest: () => new Promise((resolve) => { heard = resolve }),
    close: async () => {
      await client.stop()
      model.closeAllConnections()
      await new Promise((resolve) => model.close(resolve))
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

const modelId = 'bench-model'

/** OpenAI's chat completions, as far as a turn without calls needs them. */
function createModel(heard: (request: ModelRequest) => void): Server {
  return createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (piece: string) => { body += piece })
    request.on('end', () => {
      const at = nowMs()
      const { tools = [], stream = false } = JSON.parse(body) as { tools?: Array<{ function: { name: string } }>; stream?: boolean }
      heard({ at, offered: tools.map((tool) => tool.function.name) })
      answer(response, stream)
    })
  })
}

function answer(response: ServerResponse, isStream: boolean): void {
  const base = { id: `chatcmpl-${randomUUID()}`, created: 0, model: modelId }
  const message = { role: 'assistant', content: 'Done' }
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
  response.writeHead(200, { 'content-type': isStream ? 'text/event-stream' : 'application/json' })
  if (!isStream) return void response.end(JSON.stringify({ ...base, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop' }], usage }))
  const chunks = [
    { choices: [{ index: 0, delta: message, finish_reason: null }] }, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }, { choices: [], usage },
  ].map((chunk) => `data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', ...chunk })}\n\n`)
  response.end(`${chunks.join('')}data: [DONE]\n\n`)
}
