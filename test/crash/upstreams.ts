import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../src/db/free-port.js'
import { isAlive } from '../support/mcp-servers.js'
import { root } from '../support/process.js'

/** Tells the hash of the TOKEN in its environment, and each of its processes its pid in a file; ends with its input, as MCP has it. */
const stdioServer = (pids: string) => `
import { createHash } from 'node:crypto'
import { appendFileSync } from 'node:fs'
appendFileSync(${JSON.stringify(pids)}, process.argv[2] + ' ' + process.pid + '\\n')
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n')
const digest = () => createHash('sha256').update(process.env.TOKEN ?? '').digest('hex')
process.stdin.setEncoding('utf8').on('data', (chunk) => chunk.trim().split('\\n').map(JSON.parse).forEach(({ id, method, params }) => {
  if (method === 'initialize') say({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' } } })
  if (method === 'tools/list') say({ id, result: { tools: [{ name: 'digest', inputSchema: { type: 'object' } }] } })
  if (method === 'tools/call') say({ id, result: { content: [{ type: 'text', text: digest() }] } })
}))`

/** The MCP servers behind the worker: a remote one that is supervised, and as many processes of the stdio one as the worker starts. */
export interface Upstreams {
  url: string
  script: string
  /** Every process that was started of the stdio server with that first argument and lives. */
  living: (mark: string) => number[]
  start: () => Promise<void>
  kill: () => Promise<void>
  killLiving: (mark: string) => void
}

export async function createUpstreams(folder: string): Promise<Upstreams> {
  const port = await freePort()
  const [script, pids] = [join(folder, 'server.mjs'), join(folder, 'pids')]
  writeFileSync(script, stdioServer(pids))
  writeFileSync(pids, '')
  let child: ChildProcess | null = null
  const living = (mark: string) => readFileSync(pids, 'utf8').split('\n').map((line) => line.split(' '))
    .filter(([of, pid]) => of === mark && isAlive(Number(pid))).map(([, pid]) => Number(pid))
  return {
    url: `http://127.0.0.1:${port}/mcp`, script, living,
    start: async () => {
      const { PATH = '', HOME = '' } = process.env
      child = fork('test/crash/upstream-process.ts', [String(port)], { cwd: root, execArgv: ['--import', 'tsx'], env: { PATH, HOME }, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
      await once(child, 'message')
    },
    kill: async () => {
      const killed = child
      child = null
      if (killed === null) return
      killed.kill('SIGKILL')
      if (killed.exitCode === null && killed.signalCode === null) await once(killed, 'exit')
    },
    killLiving: (mark) => {
      for (const pid of living(mark)) {
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // Gone meanwhile.
        }
      }
    },
  }
}
