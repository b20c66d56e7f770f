import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import { constants } from 'node:os'

type Native = (...args: never[]) => unknown
type Host = Record<string, Native>

/** What a process did that reaches beyond itself: programs started, names resolved, sockets opened. */
export interface WayOutSpy {
  /** Such as `spawn /bin/sh`, `connect 10.0.0.1 80` and `resolve example.com`, without what was allowed. */
  seen: string[]
  restore: () => void
}

/**
 * Stands below every way of Node to start a program, to resolve a name and to open a socket, where all of them end: at the bindings. So it
 * does not matter which function was called, or who kept it from before. Nothing seen happens: programs do not start, nothing answers.
 * Worker threads have bindings of their own and are not seen; its own test tells if a version of Node changes its ways.
 * @param isAllowed of a connection, by `host port` or the path of a Unix socket, and of a name: it is let out, and not seen
 */
export function spyOnWaysOut(isAllowed: (target: string) => boolean): WayOutSpy {
  const seen: string[] = []
  const undo: Array<() => void> = []
  const wrap = (host: Host, name: string, make: (original: Native) => (this: unknown, ...args: unknown[]) => unknown) => {
    const original = host[name]
    if (original === undefined) return
    host[name] = make(original)
    undo.push(() => { host[name] = original })
  }
  const refuse = (host: Host, name: string, tell: (args: unknown[]) => string) => wrap(host, name, () => (...args) => {
    seen.push(tell(args))
    throw new Error('The spy lets nothing out.')
  })
  const options = ([first]: unknown[]) => String((first as { file: string }).file)
  refuse(binding('process_wrap').Process!.prototype as Host, 'spawn', (args) => `spawn ${options(args)}`)
  refuse(binding('spawn_sync') as unknown as Host, 'spawn', (args) => `spawn ${options(args)}`)
  // Of Node 24: the process becomes another program.
  refuse(process as unknown as Host, 'execve', ([file]) => `spawn ${String(file)}`)

  const unreachable = (host: Host, name: string, tell: (args: unknown[]) => string) => wrap(host, name, (original) => function (...args) {
    const target = tell(args)
    if (isAllowed(target)) return original.apply(this, args as never[])
    seen.push(`connect ${target}`)
    return connectionRefused
  })
  const tcp = binding('tcp_wrap').TCP!.prototype as Host
  for (const name of ['connect', 'connect6']) unreachable(tcp, name, ([, host, port]) => `${String(host)} ${String(port)}`)
  unreachable(binding('pipe_wrap').Pipe!.prototype as Host, 'connect', ([, path]) => String(path))
  const udp = binding('udp_wrap').UDP!.prototype as Host
  for (const name of ['connect', 'connect6']) unreachable(udp, name, ([host, port]) => `${String(host)} ${String(port)}`)
  for (const name of ['send', 'send6']) unreachable(udp, name, ([, , , port, host]) => `${String(host)} ${String(port)}`)

  const unknown = (host: Host, name: string, at: number) => wrap(host, name, (original) => function (...args) {
    if (isAllowed(String(args[at]))) return original.apply(this, args as never[])
    seen.push(`resolve ${String(args[at])}`)
    return nameUnknown
  })
  unknown(binding('cares_wrap') as unknown as Host, 'getaddrinfo', 1)
  const channel = binding('cares_wrap').ChannelWrap!.prototype as Host
  for (const name of Object.keys(channel).filter((key) => key.startsWith('query') || key === 'getHostByAddr')) unknown(channel, name, 1)
  // The one function that keeps the binding's own to itself.
  refuse(dns.promises as unknown as Host, 'lookup', ([name]) => `resolve ${String(name)}`)
  syncBuiltinESMExports()
  return {
    seen,
    restore: () => {
      for (const each of undo.splice(0)) each()
      syncBuiltinESMExports()
    },
  }
}

const connectionRefused = -constants.errno.ECONNREFUSED
/** libuv's own number for a name that nobody knows. */
const nameUnknown = -3008

/** Deprecated for programs, and the only way below `child_process` and `net`. */
function binding(name: string): Record<string, { prototype: unknown }> {
  return (process as unknown as { binding: (name: string) => Record<string, { prototype: unknown }> }).binding(name)
}
