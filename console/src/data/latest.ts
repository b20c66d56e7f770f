export interface LatestOptions<Input, Answer> {
  /** Milliseconds without another input before one is asked about. */
  quietMs: number
  ask: (input: Input) => Promise<Answer>
  /** Called for the newest input alone; an answer that something newer was given before is dropped. */
  tell: (answer: Answer, input: Input) => void
  /** Runs something after so many milliseconds. @returns ends it. Default: the clock's. */
  after?: (ms: number, run: () => void) => () => void
}

export interface Latest<Input> {
  /** The same input (by ===) once more: asks about it again. */
  give: (input: Input) => void
  stop: () => void
}

/** Asks about what is typed: not for each letter, one question at a time, and only the newest input's answer counts. */
export function createLatest<Input, Answer>({ quietMs, ask, tell, after = byClock }: LatestOptions<Input, Answer>): Latest<Input> {
  let newest: { input: Input } | null = null
  let isAsking = false
  let isQuiet = true
  let endWait = () => {}

  async function askNext(): Promise<void> {
    if (newest === null || isAsking || !isQuiet) return
    const asked = newest
    isAsking = true
    const answer = await ask(asked.input)
    isAsking = false
    // Given again meanwhile, as when others changed something: this is told, and asked about once more.
    const isNewest = newest?.input === asked.input
    if (newest === asked) newest = null
    if (isNewest) tell(answer, asked.input)
    void askNext()
  }

  return {
    give: (input) => {
      // The same, given again and again, is not put off for ever.
      if (!isQuiet && newest?.input === input) return
      newest = { input }
      isQuiet = false
      endWait()
      endWait = after(quietMs, () => {
        isQuiet = true
        void askNext()
      })
    },
    stop: () => {
      endWait()
      newest = null
    },
  }
}

/** Runs something after so many milliseconds. @returns ends it */
export function byClock(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}
