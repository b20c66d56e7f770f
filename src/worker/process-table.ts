import { readdirSync, readFileSync } from 'node:fs'

/** A process that runs. */
export interface ProcessRow {
  pid: number
  parent: number
  group: number
  /** With the pid it names one process for good: numbers are used again. */
  startedAt: string
}

/** Those that ended and wait to be reaped are left out. Empty where there is no /proc. */
export function liveProcesses(): ProcessRow[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      // "pid (command) state parent group …"; the command may hold anything, parentheses too.
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
      const [state, parent, group] = fields
      return state === 'Z' || state === 'X' ? [] : [{ pid: Number(name), parent: Number(parent), group: Number(group), startedAt: fields[19]! }]
    } catch {
      return []
    }
  })
}

/**
 * What descends from a group and is not in it, e.g. a browser that a server started detached. What lost its parent before
 * is not found: nothing tells it from a stranger.
 * @param known of before, with what descends from them now
 */
export function straysOf(group: number, known: readonly ProcessRow[] = []): ProcessRow[] {
  const all = liveProcesses()
  const isKnown = ({ pid, startedAt }: ProcessRow) => known.some((row) => row.pid === pid && row.startedAt === startedAt)
  const family = new Set(all.filter((row) => row.group === group || isKnown(row)).map(({ pid }) => pid))
  // Parents may stand behind their children: until nobody is added.
  for (let size = -1; size < family.size;) {
    size = family.size
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid)
  }
  return all.filter((row) => family.has(row.pid) && row.group !== group)
}

export function stillThere(rows: readonly ProcessRow[]): ProcessRow[] {
  const now = new Map(liveProcesses().map((row) => [row.pid, row]))
  return rows.filter(({ pid, startedAt }) => now.get(pid)?.startedAt === startedAt)
}
