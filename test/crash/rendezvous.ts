import { type Duplex } from 'node:stream'

/** Loaded before a process' own code: at each step that it passes it says so on descriptor 3, and stands still until somebody answers. */
const source = `
import { subscribe } from 'node:diagnostics_channel'
import { readSync, writeSync } from 'node:fs'
const answer = Buffer.alloc(1)
const meet = ({ step }) => {
  writeSync(3, step + '\\n')
  readSync(3, answer)
}
for (const side of ['server', 'worker']) subscribe('pilothouse:' + side, meet)`

/** Arguments of Node's with which a process meets us at its steps. Its descriptor 3 has to be a pipe. */
export const meeting = ['--import', `data:text/javascript,${encodeURIComponent(source)}`]

/** @param at called at each step; the process goes on when it resolves */
export function meet(end: Duplex, at: (step: string) => Promise<void>): void {
  let rest = ''
  const goOn = () => { if (!end.destroyed) end.write('.') }
  end.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const step of lines) void at(step).then(goOn)
  })
  // Whoever is killed does not wait for an answer.
  end.on('error', () => {})
}
