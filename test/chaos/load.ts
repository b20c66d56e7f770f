import { setTimeout as delay } from 'node:timers/promises'

/** Loops that can be paused together: writers and changers of rights run between faults, and rest while everything is checked. */
export interface Load {
  /** Runs a step again and again, with pauses of a random length, until `stop`. */
  loop: (step: () => Promise<void>, pauseMs: () => number) => void
  /** Resolves when no step is under way any more. */
  pause: () => Promise<void>
  resume: () => void
  stop: () => Promise<void>
}

/** @param onError a step failed in a way that it did not expect */
export function createLoad(onError: (error: unknown) => void): Load {
  const loops: Promise<void>[] = []
  let isStopped = false
  let active = 0
  let gate: { opened: Promise<void>; open: () => void } | null = newGate()
  let idle: (() => void) | null = null

  function newGate() {
    let open = () => {}
    const opened = new Promise<void>((resolve) => { open = resolve })
    return { opened, open }
  }

  async function run(step: () => Promise<void>, pauseMs: () => number): Promise<void> {
    while (!isStopped) {
      await gate?.opened
      if (isStopped || gate !== null) continue
      active += 1
      await step().catch(onError)
      active -= 1
      if (active === 0) idle?.()
      await delay(pauseMs())
    }
  }

  const pause = async () => {
    gate ??= newGate()
    if (active > 0) await new Promise<void>((resolve) => { idle = resolve })
  }
  const resume = () => {
    idle = null
    gate?.open()
    gate = null
  }
  return {
    loop: (step, pauseMs) => void loops.push(run(step, pauseMs)),
    pause, resume,
    stop: async () => {
      isStopped = true
      resume()
      await Promise.all(loops)
    },
  }
}
