import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { env } from 'node:process'
import { createCatalogClient } from 'pilothouse/client'

/** Where the server is and who asks: PILOTHOUSE_URL and PILOTHOUSE_TOKEN, else the admin token that `npm start` made. */
export function connect() {
  const url = env.PILOTHOUSE_URL ?? 'http://127.0.0.1:4000/graphql'
  const token = env.PILOTHOUSE_TOKEN ?? readAdminToken(join(env.PILOTHOUSE_DATA_DIR ?? '.pilothouse', 'admin-token'))
  return { url, token, client: createCatalogClient({ url, token }) }
}

function readAdminToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    console.error(`There is no token in ${path}: start the server here first (npm start), or set PILOTHOUSE_URL and PILOTHOUSE_TOKEN.`)
    process.exit(2)
  }
}
