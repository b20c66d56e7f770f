import { readFileSync, writeFileSync } from 'node:fs'
import { type Options, readArguments, usage, UsageError, withoutSockets } from './arguments.js'
import { killChildren } from './child.js'
import { openPostgres } from './database.js'
import { describeMachine, openFilesLimit } from './machine.js'
import { toMarkdown } from './markdown.js'
import { problemsOf, type Run } from './samples.js'
import { runAll } from './schedule.js'

/** The benchmark: what is measured, how, and what came out is in docs/performance.md. */
const say = (line: string) => void process.stderr.write(`${line}\n`)

/** Sockets of the server or the generator, and what else they have open. */
function requireFiles({ sockets, only }: Options): void {
  if (only.every((measure) => withoutSockets.includes(measure))) return
  const limit = openFilesLimit()
  const needed = Math.max(...sockets) + 200
  if (limit !== null && limit < needed) throw new UsageError(`${needed} open files are needed and ${limit} allowed: run ulimit -n ${needed}, or take fewer subscribers with --n.`)
}

let isInterrupted = false

async function main(): Promise<number> {
  const options = readArguments(process.argv.slice(2))
  if (options.markdown !== null) {
    process.stdout.write(`${toMarkdown(JSON.parse(readFileSync(options.markdown, 'utf8')) as Run)}\n`)
    return 0
  }
  requireFiles(options)
  const postgres = await openPostgres(options.databaseUrl)
  const stop = () => {
    isInterrupted = true
    killChildren()
    void postgres.close().finally(() => process.exit(130))
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const run: Run = {
    date: new Date().toISOString(), machine: describeMachine(), postgres: postgres.description, isQuick: options.isQuick, rounds: options.rounds,
    groups: options.groups, samples: [],
  }
  const failures: string[] = []
  try {
    await runAll(options, postgres, say, (sample) => {
      run.samples.push(sample)
      // After each, so that a run that is interrupted was not for nothing.
      if (options.out !== null) writeFileSync(options.out, `${JSON.stringify(run)}\n`)
      problemsOf(sample).forEach((problem) => {
        failures.push(problem)
        say(`  problem: ${problem}`)
      })
    }, (failure) => {
      failures.push(failure)
      say(`  failed: ${failure}`)
    })
  } finally {
    await postgres.close()
  }
  process.stdout.write(`${toMarkdown(run)}\n`)
  if (failures.length === 0) return 0
  say(`\n${failures.length} problem${failures.length === 1 ? '' : 's'}:`)
  failures.forEach((failure) => say(`  ${failure}`))
  return 1
}

main().then((code) => isInterrupted || process.exit(code), (error: unknown) => {
  // What fails then is no news, and whoever interrupted it cleans up.
  if (isInterrupted) return
  const isUsage = error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')
  say(isUsage === true ? `${(error as Error).message}\n\n${usage}` : String(error instanceof Error ? error.stack : error))
  process.exit(isUsage === true ? 2 : 1)
})
