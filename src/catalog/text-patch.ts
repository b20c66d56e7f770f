import { createTwoFilesPatch } from 'diff'

/** More differences than this are not matched line by line: all of it is shown as replaced. */
const maxEditLength = 3_000

interface Side {
  name: string
  /** Lines, each with its end. */
  text: string
}

/** A unified difference of two texts, never cut short. */
export function patchOf(before: Side, after: Side): string {
  const patch = createTwoFilesPatch(before.name, after.name, before.text, after.text, undefined, undefined, { context: 3, maxEditLength })
  return patch === undefined ? replacement(before, after) : patch.replace(/^=+\n/, '')
}

function replacement(before: Side, after: Side): string {
  const [gone, come] = [before, after].map(({ text }) => text.split('\n').slice(0, -1)) as [string[], string[]]
  return [
    `--- ${before.name}`, `+++ ${after.name}`, `@@ -1,${gone.length} +1,${come.length} @@`, ...gone.map((line) => `-${line}`), ...come.map((line) => `+${line}`), '',
  ].join('\n')
}
