import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WebSocket } from 'ws'

interface ProfileNode {
  id: number
  hitCount?: number
  callFrame: { functionName: string; url: string; lineNumber: number }
}

interface CpuProfile {
  nodes: ProfileNode[]
  samples: number[]
  timeDeltas: number[]
}

/**
 * Profiles the server for just the measured part, through its inspector, and keeps the profile for a look in a browser.
 * @returns a function that ends it and says which functions were the hottest
 */
export async function startProfile(inspectorUrl: string, folder: string, name: string, say: (line: string) => void): Promise<() => Promise<void>> {
  const socket = new WebSocket(inspectorUrl, { maxPayload: 1 << 30 })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  let id = 0
  const ask = (method: string, params: object = {}) => new Promise<{ profile: CpuProfile }>((resolve, reject) => {
    const own = ++id
    const hear = (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { id?: number; result: { profile: CpuProfile }; error?: { message: string } }
      if (message.id !== own) return
      socket.off('message', hear)
      if (message.error === undefined) resolve(message.result)
      else reject(new Error(message.error.message))
    }
    socket.on('message', hear)
    socket.send(JSON.stringify({ id: own, method, params }))
  })
  await ask('Profiler.enable')
  await ask('Profiler.setSamplingInterval', { interval: 200 })
  await ask('Profiler.start')
  return async () => {
    const { profile } = await ask('Profiler.stop')
    socket.close()
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, `${name}.cpuprofile`), JSON.stringify(profile))
    say(`hottest functions, ${name} (share of the time that was not idle):`)
    hottest(profile, 10).forEach((line) => say(`  ${line}`))
  }
}

/** Functions by the time spent in themselves. */
export function hottest({ nodes, samples, timeDeltas }: CpuProfile, count: number): string[] {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const times = new Map<string, number>()
  let busy = 0
  samples.forEach((id, at) => {
    const frame = byId.get(id)!.callFrame
    if (frame.functionName === '(idle)') return
    const file = frame.url.replace(/^.*\/(dist|node_modules)\//, '$1/')
    const name = `${frame.functionName || '(anonymous)'} ${file === '' ? '' : `${file}:${frame.lineNumber + 1}`}`.trim()
    busy += timeDeltas[at]!
    times.set(name, (times.get(name) ?? 0) + timeDeltas[at]!)
  })
  return [...times].sort(([, a], [, b]) => b - a).slice(0, count).map(([name, time]) => `${((100 * time) / busy).toFixed(1).padStart(5)} %  ${name}`)
}
