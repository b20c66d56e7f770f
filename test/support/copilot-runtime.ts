import { type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CopilotClient, type CopilotClientOptions, type CopilotSession, type SessionConfig } from '@github/copilot-sdk'
import { describe, it } from 'vitest'
import { type CopilotModel, type ModelStep, type Script, startCopilotModel } from './copilot-model.js'

export interface CopilotRuntime {
  client: CopilotClient
  model: CopilotModel
  /** Holds all that it writes: its home, its cache, its state and its logs. */
  folder: string
  /** What every session needs to talk to the scripted model; `changes` lie over it. */
  config: (changes?: SessionConfig) => SessionConfig
  /** Plays a turn to its end and tells what the model was offered and what its calls returned. */
  ask: (session: CopilotSession, ...steps: ModelStep[]) => Promise<Script>
  /** Kills the runtime's process in the middle of whatever it does. */
  kill: () => Promise<void>
  /** Starts it anew after that, as a host does. */
  restart: () => Promise<void>
  /** Ends the runtime's process and removes its folders. */
  close: () => Promise<void>
}

/**
 * The real runtime, offline, against a scripted model. Its environment is next to empty and its folders are its own: servers
 * that it starts inherit the one, and what it knows of tools lies in the other.
 */
export async function startCopilotRuntime(logLevel: CopilotClientOptions['logLevel'] = 'none'): Promise<CopilotRuntime> {
  const folder = await mkdtemp(join(tmpdir(), 'pilothouse-copilot-'))
  const [home, cache, work] = await Promise.all(['home', 'cache', 'work'].map(async (name) => {
    await mkdir(join(folder, name))
    return join(folder, name)
  }))
  const model = await startCopilotModel()
  const client = new CopilotClient({
    baseDirectory: join(folder, 'copilot'), workingDirectory: work, useLoggedInUser: false, logLevel,
    env: { PATH: process.env.PATH, HOME: home, USERPROFILE: home, XDG_CACHE_HOME: cache },
  })
  await client.start()
  return {
    client, model, folder,
    config: (changes = {}) => ({
      model: model.modelId, provider: { type: 'openai', baseUrl: model.baseUrl, apiKey: 'unused' },
      onPermissionRequest: () => ({ kind: 'approve-once' }), ...changes,
    }),
    ask: async (session, ...steps) => {
      const script = model.script(...steps)
      await session.sendAndWait({ prompt: script.prompt })
      return script
    },
    kill: async () => {
      // The SDK keeps its child to itself.
      const { cliProcess } = client as unknown as { cliProcess: ChildProcess }
      cliProcess.kill('SIGKILL')
      await once(cliProcess, 'close')
    },
    restart: async () => {
      await client.forceStop()
      await client.start()
    },
    close: async () => {
      await client.stop()
      await model.close()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/**
 * A `describe` of tests on the real runtime. Where the SDK has no runtime for the platform it is skipped, and says so; in CI
 * that is a failure.
 */
export function describeOnRuntime(name: string, body: () => void): void {
  const problem = runtimeProblem()
  if (problem === null) describe(name, body)
  else if (process.env.CI) it(name, () => { throw new Error(problem) })
  else describe.skip(`${name} (${problem})`, body)
}

/** Why there is no runtime on this machine; null: there is one. */
export function runtimeProblem(): string | null {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  const libc = process.platform === 'linux' && header.glibcVersionRuntime === undefined ? 'musl' : ''
  const runtime = `@github/copilot-sdk-${process.platform}${libc}-${process.arch}`
  const folders = createRequire(import.meta.url).resolve.paths(runtime) ?? []
  return folders.some((each) => existsSync(join(each, runtime, 'package.json'))) ? null : `${runtime} is not installed, and with it the Copilot runtime`
}
