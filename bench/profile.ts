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
    const { functions, places } = hottest(profile, 10)
    say(`hottest functions, ${name} (share of the time that was not idle):`)
    functions.forEach((line) => say(`  ${line}`))
    say('and where they are:')
    places.forEach((line) => say(`  ${line}`))
  }
}

/** Functions, and the packages or folders they are in, by the time spent in themselves. */
export function hottest({ nodes, samples, timeDeltas }: CpuProfile, count: number): { functions: string[]; places: string[] } {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]))
  const functions = new Map<string, number>()
  const places = new Map<string, number>()
  const add = (times: Map<string, number>, name: string, time: number) => times.set(name, (times.get(name) ?? 0) + time)
  let busy = 0
  samples.forEach((id, at) => {
    const { functionName, url, lineNumber } = byId.get(id)!
    if (functionName === '(idle)') return
    const file = url.replace(/^.*\/(dist|node_modules)\//, '$1/')
    const time = timeDeltas[at]!
    busy += time
    add(functions, `${functionName || '(anonymous)'} ${file === '' ? '' : `${file}:${lineNumber + 1}`}`.trim(), time)
    add(places, placeOf(functionName, file), time)
  })
  const share = (times: Map<string, number>) => [...times].sort(([, one], [, other]) => other - one).slice(0, count)
    .map(([name, time]) => `${((100 * time) / busy).toFixed(1).padStart(5)} %  ${name}`)
  return { functions: share(functions), places: share(places) }
}

/** `node_modules/drizzle-orm`, `dist/feed`, `node`; what has no file is the engine's own: system calls, collection, compiling. */
function placeOf(functionName: string, file: string): string {
  if (file === '') return `the engine: ${functionName || '(anonymous)'}`
  if (file.startsWith('node:')) return 'node'
  const [first, second, third] = file.split('/')
  return second?.startsWith('@') === true ? `${first}/${second}/${third}` : `${first}/${second}`
}
