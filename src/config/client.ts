import { resolve } from 'node:path'

export interface ClientConfig {
  url: string
  /** null: read `admin-token` of the data folder. */
  token: string | null
  dataDir: string
}

/** What the CLI needs to reach a server. Apart from the rest, whose checks take longer to load than most commands take. */
export function readClientConfig(env: Record<string, string | undefined> = process.env): ClientConfig {
  return {
    url: env.PILOTHOUSE_URL || `http://127.0.0.1:${env.PORT || '4000'}/graphql`,
    token: env.PILOTHOUSE_TOKEN || null,
    dataDir: resolve(env.PILOTHOUSE_DATA_DIR || '.pilothouse'),
  }
}
