import { createApp } from './app.js'
import { readConfig } from './config.js'
import { readFile } from 'node:fs/promises'

/**
 * The process: configuration, app, signals. Resolves when it has stopped.
 * @param say prints a line for people
 * @param isTerminal whether a person reads it: only then a token is ever printed
 */
export async function serve(say: (line: string) => void, isTerminal: boolean): Promise<void> {
  const config = readConfig()
  const app = await createApp(config)
  const stopped = new Promise<void>((resolve, reject) => {
    let isStopping = false
    const stop = () => {
      if (isStopping) return
      isStopping = true
      app.close().then(resolve, reject)
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
  })
  const { url } = await app.listen().catch(async (error: unknown) => {
    await app.close()
    throw error
  })
  say(`Pilothouse answers at ${url} (open it in a browser for GraphiQL).`)
  if (app.newAdminToken !== null) {
    const shown = isTerminal ? `: ${await readFile(app.newAdminToken, 'utf8')}` : ''
    say(`The admin token is in ${app.newAdminToken}${shown}`)
  }
  say('Next, in another terminal: npx pilothouse watch --owner me')
  await stopped
}
