import { readdir, readFile } from 'node:fs/promises'
import { type IncomingMessage, type ServerResponse } from 'node:http'
import { extname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { answerStatic, makeStatic, type StaticBody } from './static-body.js'

/** Where `npm run build` puts it, from the sources and from the built server alike. */
export const consoleFolder = fileURLToPath(new URL('../../dist/console', import.meta.url))

export interface ConsolePageOptions {
  /** What the build made. */
  folder: string
  /** Under which people reach the server by TLS: from there browsers shall never come without it. */
  isHttps: boolean
}

/**
 * Answers with a file of the console, which is the same for everybody and carries no data.
 * @returns false for what is none: the API answers
 */
export type AnswerConsole = (request: IncomingMessage, response: ServerResponse, path: string) => Promise<boolean>

const types: Partial<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml', '.png': 'image/png',
  '.ico': 'image/x-icon', '.woff2': 'font/woff2', '.json': 'application/json', '.webmanifest': 'application/manifest+json', '.txt': 'text/plain; charset=utf-8',
}

/**
 * Nothing but what we built runs in the page, nothing frames it, and it speaks to nobody but this server. What others wrote is text in it; should that ever
 * fail, no script of theirs runs and nothing can be sent elsewhere (S7).
 */
const policy = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'", "connect-src 'self'", "manifest-src 'self'",
  "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'",
].join('; ')

export function consoleHeaders(isHttps: boolean): Record<string, string> {
  return {
    'content-security-policy': policy, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin', ...(isHttps && { 'strict-transport-security': 'max-age=31536000' }),
  }
}

/** What the API answers, page or not. */
const isOfTheApi = (path: string) => /^\/(graphql|metrics|health|session)(\/|$)/.test(path)

/**
 * The files are read once, so what is asked for is looked up among their names and never on the disk. Every address that a person may open is the one page,
 * which knows by itself what to show there.
 */
export function createConsolePage({ folder, isHttps }: ConsolePageOptions): AnswerConsole {
  const headers = consoleHeaders(isHttps)
  let reading: ReturnType<typeof readFiles> | null = null

  async function load(): ReturnType<typeof readFiles> {
    const mine = reading ??= readFiles(folder)
    const files = await mine.catch((error: unknown) => {
      reading = null
      throw error
    })
    // Built later, it is found then.
    if (!files.has('/index.html')) reading = null
    return files
  }

  return async (request, response, path) => {
    if (!['GET', 'HEAD'].includes(request.method ?? '') || isOfTheApi(path)) return false
    const isForPeople = (request.headers.accept ?? '').includes('text/html')
    const isAsset = path.startsWith('/assets/')
    // Programs that ask for anything else are no browsers that open a page.
    if (!isForPeople && !isAsset && types[extname(path)] === undefined) return false
    const files = await load()
    const index = files.get('/index.html')
    const file = files.get(path)
    if (file !== undefined && path !== '/index.html') {
      // Their names tell what is in them.
      const cache = isAsset ? 'public, max-age=31536000, immutable' : 'no-cache'
      answerStatic(request, response, file, { ...headers, 'cache-control': cache, 'content-type': types[extname(path)]! })
      return true
    }
    if (isAsset || !isForPeople) return false
    if (index === undefined) answerUnbuilt(response, headers)
    else answerStatic(request, response, index, { ...headers, 'cache-control': 'no-cache', 'content-type': types['.html']! })
    return true
  }
}

function answerUnbuilt(response: ServerResponse, headers: Record<string, string>): void {
  response.writeHead(503, { ...headers, 'cache-control': 'no-store', 'content-type': types['.txt'] })
  response.end('The console is not built. Run `npm run build` in the folder of Pilothouse, then load this page again. The API is at /graphql.\n')
}

/** By the path under which each is asked for; empty when there is no such folder. */
async function readFiles(folder: string): Promise<ReadonlyMap<string, StaticBody>> {
  const names = await readdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const files = names.filter((name) => types[extname(name)] !== undefined)
  return new Map(await Promise.all(files.map(async (name) => [`/${name.split(sep).join('/')}`, await makeStatic(await readFile(join(folder, name)))] as const)))
}
