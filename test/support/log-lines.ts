/** A log line as it was written. */
export interface LogLine {
  level: string
  msg: string
  [field: string]: unknown
}

/** A destination for the log of an app, to be given as `tuning.logTo`. Waits for lines, never for time. */
export function captureLog() {
  const texts: string[] = []
  const lines: LogLine[] = []
  const waiting = new Set<() => void>()
  return {
    write: (text: string) => {
      texts.push(text)
      lines.push(JSON.parse(text) as LogLine)
      waiting.forEach((check) => check())
    },
    text: () => texts.join(''),
    lines,
    /** The first line that has these fields, once it is there. */
    line: (fields: Record<string, unknown>) => new Promise<LogLine>((resolve) => {
      const check = () => {
        const found = lines.find((line) => Object.entries(fields).every(([name, value]) => line[name] === value))
        if (found === undefined) return
        waiting.delete(check)
        resolve(found)
      }
      waiting.add(check)
      check()
    }),
  }
}
