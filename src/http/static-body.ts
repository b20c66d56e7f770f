import { createHash } from 'node:crypto'
import { type IncomingMessage, type ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

/** What is the same for everybody, in both of its encodings. All answers share its bytes. */
export interface StaticBody {
  identity: Buffer
  compressed: Buffer
  etag: string
}

export async function makeStatic(identity: Buffer): Promise<StaticBody> {
  // Weak: both encodings have it.
  return { identity, compressed: await promisify(gzip)(identity), etag: `W/"${createHash('sha256').update(identity).digest('base64url')}"` }
}

/** Sends it, compressed to who takes that, or 304 to who has it. Node sends no body in answer to HEAD. */
export function answerStatic(request: IncomingMessage, response: ServerResponse, { identity, compressed, etag }: StaticBody, headers: Readonly<Record<string, string>>): void {
  const { 'content-type': type, ...rest } = headers
  const head = { etag, vary: 'accept-encoding', ...rest }
  if ((request.headers['if-none-match'] ?? '').includes(etag)) return void response.writeHead(304, head).end()
  const isCompressed = takesGzip(request.headers['accept-encoding'])
  const body = isCompressed ? compressed : identity
  response.writeHead(200, { ...head, ...(isCompressed && { 'content-encoding': 'gzip' }), 'content-type': type, 'content-length': body.length })
  response.end(body)
}

/** `gzip;q=0` says no, whatever a `*` beside it says. */
function takesGzip(accepted: string | string[] | undefined): boolean {
  const parts = String(accepted ?? '').split(',').map((part) => part.toLowerCase().replace(/\s/g, ''))
  const said = parts.find((part) => /^gzip(;|$)/.test(part)) ?? parts.find((part) => /^\*(;|$)/.test(part))
  return said !== undefined && !/;q=0(\.0*)?$/.test(said)
}
