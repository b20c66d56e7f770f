import { type App, createApp } from './app.js'
import { readConfig } from './config.js'
import { readFile } from 'node:fs/promises'

/**
 * The process: configuration, app, signals. Resolves when it has stopped.
 * @param say prints a line for people
 * @param isTerminal whether a person reads it: only then a token is ever printed
 */
export async function serve(say: (line: string) => void, isTerminal: boolean): Promise<void> {
  const config = readConfig()
  if (config.databaseUrl === null) say(`Starting an embedded Postgres in ${config.dataDir}. The first time takes a while.`)
  const app = await createApp(config)
  const stopped = untilStopped(app)
  const { url, consoleUrl } = await app.listen().catch(async (error: unknown) => {
    await app.close()
    throw error
  })
  say(`Pilothouse answers at ${url} (open it in a browser for GraphiQL).`)
  say(`Console: ${consoleUrl} (sign in with ${app.newAdminToken === null ? 'a token' : 'the admin token'}).`)
  if (app.newAdminToken !== null) {
    const shown = isTerminal ? `: ${await readFile(app.newAdminToken, 'utf8')}` : ''
    say(`The admin token is in ${app.newAdminToken}${shown}`)
  }
  say('In another terminal, npx pilothouse watch --owner me shows what you have, as it changes.')
  await stopped
}

/** One Ctrl-C may arrive twice: from the terminal, and passed on by npm. */
const sameWishMs = 500
/** After a fault, closing may hang on what is broken. */
const faultPatienceMs = 15_000

/** Resolves when the app has closed because it was asked to; rejects when it had to because of a fault that nobody caught. */
function untilStopped(app: App): Promise<void> {
  return new Promise((resolve, reject) => {
    let askedAt: number | null = null
    let hasFault = false
    const close = (drainSeconds?: number) => {
      app.close(drainSeconds).then(() => (hasFault ? reject(new Error('The server ended because of a fault; its log says which.')) : resolve()), reject)
    }
    const stop = () => {
      if (askedAt !== null && performance.now() - askedAt > sameWishMs) process.exit(1)
      if (askedAt !== null) return
      askedAt = performance.now()
      close()
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
    // Rejections that nobody handles come here too. What they left half done is unknown, so nothing goes on after one.
    process.on('uncaughtException', (error: unknown, origin) => {
      app.log.fatal({ err: error, origin }, 'nobody caught this, so the server ends')
      if (hasFault) return
      hasFault = true
      setTimeout(() => process.exit(1), faultPatienceMs).unref()
      close(0)
    })
  })
}
