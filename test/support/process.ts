import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface RunningProcess {
  process: ChildProcess
  stdout: () => string
  stderr: () => string
  /** Resolves with the match once stdout or stderr shows the pattern; rejects when the process ends without. */
  says: (pattern: RegExp) => Promise<RegExpExecArray>
  /** The exit code, or the signal's name. */
  ended: Promise<number | string>
  stop: (signal?: NodeJS.Signals) => Promise<number | string>
}

/** Starts a command of this repository with nothing of our environment but PATH and HOME. */
export function start(args: string[], env: Record<string, string>, input?: string): RunningProcess {
  const { PATH = '', HOME = '' } = globalThis.process.env
  const child = spawn(globalThis.process.execPath, args, { cwd: root, env: { PATH, HOME, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  const checks = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => { out += text; checks.forEach((check) => check()) })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { err += text; checks.forEach((check) => check()) })
  if (input !== undefined) child.stdin.end(input)
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  return {
    process: child, stdout: () => out, stderr: () => err, ended,
    says: (pattern) => new Promise((resolve, reject) => {
      const check = () => {
        const match = pattern.exec(out) ?? pattern.exec(err)
        if (match === null) return
        checks.delete(check)
        resolve(match)
      }
      checks.add(check)
      check()
      void ended.then((code) => reject(new Error(`ended with ${code} without ${String(pattern)}: ${out}${err}`)))
    }),
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal)
      return ended
    },
  }
}

/** The built command line. */
export const pilothouse = (args: string[], env: Record<string, string>, input?: string) => start(['dist/cli/bin.js', ...args], env, input)
