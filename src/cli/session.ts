import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CatalogClient, createCatalogClient, type OwnerInput } from '../client/index.js'
import { readClientConfig } from '../config/client.js'
import { maskTokens } from '../core/redact.js'

/** A mistake in how the command was called, or in what it needs: exit code 2, no stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export interface ConnectionOptions {
  url?: string
  token?: string
}

export interface Connection {
  url: string
  token: string
  client: CatalogClient
}

/** Where the API is and who calls: options, then PILOTHOUSE_URL and PILOTHOUSE_TOKEN, then the data folder's admin token. */
export function connectionOf(options: ConnectionOptions): Connection {
  const config = readClientConfig()
  const url = options.url ?? config.url
  const token = config.token ?? readAdminToken(config.dataDir)
  return { url, token, client: createCatalogClient({ url, token }) }
}

function readAdminToken(dataDir: string): string {
  const path = join(dataDir, 'admin-token')
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    throw new UsageError(`No token: set PILOTHOUSE_TOKEN, or run this where the server's data folder is (${path} cannot be read).`)
  }
}

/** `me`, `deployment`, `team:SLUG`, `user:ID` or `user:PROVIDER/SUBJECT`. */
export function parseOwner(text: string): OwnerInput {
  const [kind = '', ...rest] = text.split(':')
  const id = rest.join(':')
  if (kind === 'me' && id === '') return { kind: 'USER' }
  if (kind === 'deployment' && id === '') return { kind: 'DEPLOYMENT' }
  if (kind === 'team' && id !== '') return { kind: 'TEAM', id }
  const slash = id.indexOf('/')
  if (kind === 'user' && slash > 0) return { kind: 'USER', provider: id.slice(0, slash), subject: id.slice(slash + 1) }
  if (kind === 'user' && id !== '') return { kind: 'USER', id }
  throw new UsageError(`${JSON.stringify(text)} names no owner: use me, deployment, team:SLUG, user:ID or user:PROVIDER/SUBJECT.`)
}

/** Markup, colours and cursor moves of strangers' text must not reach a terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)
}

export const print = (line: string): void => void process.stdout.write(`${line}\n`)
/** Without tokens: messages repeat what was typed, which may be a value in the wrong place, and standard error goes into the logs of scripts. */
export const warn = (line: string): void => void process.stderr.write(`${maskTokens(line)}\n`)

/** Columns padded to their widest cell. */
export function table(rows: string[][]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()).join('\n')
}
