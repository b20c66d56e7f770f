import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

/** Milliseconds of the one clock that all processes of a machine share: what one stamps, another may subtract. */
export function nowMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1_000 + nanoseconds / 1_000_000
}

export interface ProcessSample {
  /** User and system time, in steps of 10 ms. */
  cpuMs: number
  residentBytes: number
}

const isLinux = process.platform === 'linux'

/** What a process used so far; null where there is no /proc, or no such process. */
export function sampleProcess(pid: number): ProcessSample | null {
  if (!isLinux) return null
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name of the program, in brackets, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return { cpuMs: (Number(fields[11]) + Number(fields[12])) * 10, residentBytes: Number(resident?.[1] ?? 0) * 1_024 }
  } catch {
    return null
  }
}

/** Waits until a process has next to nothing to do any more, at most `atMostMs`. */
export async function quiet(pid: number, atMostMs = 15_000): Promise<void> {
  const end = nowMs() + atMostMs
  for (let calm = 0; calm < 3 && nowMs() < end;) {
    const before = sampleProcess(pid)
    await delay(100)
    const after = sampleProcess(pid)
    calm = before === null || after === null || after.cpuMs - before.cpuMs <= 10 ? calm + 1 : 0
  }
}

/** How many files, and so sockets, a process may have open; null where nobody says. Node itself asks for all it may have. */
export function openFilesLimit(): number | null {
  if (!isLinux) return null
  const limit = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  return limit === undefined || limit === 'unlimited' ? null : Number(limit)
}

export function describeMachine(): string {
  const all = cpus()
  return `${all.length} cores (${all[0]?.model.trim() ?? 'unknown'}), ${process.platform}, Node ${process.versions.node}`
}
