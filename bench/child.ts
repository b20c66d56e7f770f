import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const running = new Set<ChildProcess>()
let isEnding = false

/** Whatever happens to us: nothing stays behind, and nothing is started any more. */
export function killChildren(): void {
  isEnding = true
  running.forEach((child) => child.kill('SIGKILL'))
}
process.on('exit', killChildren)

function watched(start: () => ChildProcess): ChildProcess {
  if (isEnding) throw new Error('the bench is ending')
  const child = start()
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** A program of this folder in a process of its own. It inherits the loader that runs us, and ends when we do. */
export function startProgram(file: string, args: string[] = []): ChildProcess {
  // Yoga's publish-subscribe warns of its many listeners, which are what it is measured with.
  const env = { ...process.env, NODE_NO_WARNINGS: '1' }
  return watched(() => fork(fileURLToPath(new URL(file, import.meta.url)), args, { env, stdio: ['ignore', 2, 2, 'ipc'] }))
}

/** Any Node program of the project, with its outputs to be read. */
export function startNode(args: string[], env: Record<string, string>): ChildProcess {
  const { PATH = '', HOME = '' } = process.env
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  return watched(() => spawn(process.execPath, args, { cwd, env: { PATH, HOME, ...env }, stdio: ['ignore', 'pipe', 'pipe'] }))
}

/** Asks a child to end, and does not take no for an answer. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
  await exited
  clearTimeout(timer)
}

/** The next message that `pick` takes; rejects when the child ends without it. */
export function nextMessage<Message>(child: ChildProcess, pick: (message: never) => Message | undefined): Promise<Message> {
  return new Promise((resolve, reject) => {
    const done = () => {
      child.off('message', receive)
      child.off('exit', fail)
    }
    const receive = (message: unknown) => {
      const picked = pick(message as never)
      if (picked === undefined) return
      done()
      resolve(picked)
    }
    const fail = (code: number | null, signal: string | null) => {
      done()
      reject(new Error(`a process of the bench ended early (${signal ?? code})`))
    }
    child.on('message', receive)
    child.on('exit', fail)
  })
}
