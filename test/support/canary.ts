import { once } from 'node:events'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import postgres from 'postgres'

/** How every canary begins and ends: letters that stand nowhere else, and that survive whatever escapes what is between them. */
const ends = ['Kq7ZfR2mWx4T', 'Vp9LsB3nHy6D'] as const

/** A value to be planted, with what shells, JSON, URLs and headers trip over. */
export const canary = (place: string) => `${ends[0]}-$HOME/\${PATH}"+é ${place}${ends[1]}`

/** One that may stand in a URL, a name or an argument without being another there. */
export const plainCanary = (place: string) => `${ends[0]}_${place}_${ends[1]}`

/** One that looks like what it is for whoever refuses literals: a token of GitHub's form. */
export const tokenCanary = `ghp_${ends[0]}0aB1cD2eF3gH${ends[1]}`

export interface Hit {
  sink: string
  what: string
  /** What stands around it. */
  near: string
}

/** Texts of which not even a part may be in what came out; the canaries are always among them. */
export function createSearch(others: Record<string, string> = {}) {
  const needles = [
    ...ends.flatMap((end) => needlesOf('a canary', end)), { what: 'the beginning of a canary', text: ends[0].slice(0, 8) }, { what: 'the end of a canary', text: ends[1].slice(-8) },
    ...Object.entries(others).flatMap(([what, text]) => needlesOf(what, text)),
  ]
  const searched = new Set<string>()
  return {
    /** The names of what was looked through. */
    searched,
    hits: (sink: string, text: string): Hit[] => {
      searched.add(sink)
      const small = text.toLowerCase()
      // Line ends and escapes divide what encoders write.
      const joined = text.replaceAll(/\\r|\\n|\s/g, '').replaceAll('\\/', '/').replaceAll(/\\+u/g, '\\u').replaceAll(/%2b/gi, '+').replaceAll(/%2f/gi, '/')
      return needles.flatMap(({ what, text: needle, isInAnyCase = false }) => {
        const wanted = isInAnyCase ? needle.toLowerCase() : needle
        const forms = isInAnyCase ? [small, joined.toLowerCase()] : [text, joined]
        const found = forms.find((form) => form.includes(wanted))
        const at = found?.indexOf(wanted) ?? 0
        return found === undefined ? [] : [{ sink, what, near: found.slice(Math.max(0, at - 200), at + 60).replaceAll(/[^ -~]/g, '?') }]
      })
    },
  }
}

interface Needle {
  what: string
  text: string
  isInAnyCase?: boolean
}

/** Written without looking at the product's own list: letters and digits are the same in every escape but those of everything. */
function needlesOf(what: string, text: string): Needle[] {
  const hex = Buffer.from(text).toString('hex')
  return [
    { what, text, isInAnyCase: true }, { what: `${what} in hex`, text: hex, isInAnyCase: true },
    { what: `${what} in percent`, text: hex.replaceAll(/../g, '%$&'), isInAnyCase: true },
    { what: `${what} in \\u`, text: hex.replaceAll(/../g, '\\u00$&'), isInAnyCase: true },
    ...[0, 1, 2].flatMap((offset) => {
      const encoded = Buffer.from(`${'.'.repeat(offset)}${text}`).toString('base64')
      // What its neighbours have a part in goes.
      const inner = encoded.slice(Math.ceil(offset * 8 / 6), Math.floor((offset + Buffer.byteLength(text)) * 8 / 6))
      return [...new Set([inner, inner.replaceAll('+', '-').replaceAll('/', '_')])].map((form) => ({ what: `${what} in base64`, text: form }))
    }),
  ]
}

/** Every row of every table as JSON. */
export async function dumpOf(databaseUrl: string): Promise<string> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  const tables = await sql<Array<{ name: string }>>`select format('%I.%I', table_schema, table_name) as name from information_schema.tables where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`
  const rows: string[] = []
  for (const { name } of tables) rows.push(name, ...(await sql.unsafe<Array<{ row: string }>>(`select row_to_json(t)::text as row from ${name} t`)).map(({ row }) => row))
  await sql.end()
  return rows.join('\n')
}

/** All files below a folder that were written since, but for these. What is empty in a file of a database is one line end. */
export function filesOf(folder: string, except: string[] = [], sinceMs = 0): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile() && !except.includes(one.name)).map((one) => join(one.parentPath ?? one.path, one.name))
  return files.filter((path) => statSync(path).mtimeMs >= sinceMs).map((path) => `${path}\n${readFileSync(path, 'latin1').replaceAll(/\0{2,}/g, '\n')}`).join('\n')
}

/** Command lines of all processes below this one. */
export function commandLines(pid: number | string = process.pid): string {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter((id) => id !== ''))
    return children.map((child) => `${readFileSync(`/proc/${child}/cmdline`, 'utf8')}\n${commandLines(child)}`).join('\n')
  } catch {
    // It ended meanwhile.
    return ''
  }
}

export interface Tap {
  /** The same address, reached through the tap. */
  through: (url: string) => string
  /** Every byte that came from the server, and every byte that went to it, connection by connection. */
  down: () => string
  up: () => string
  close: () => Promise<void>
}

/** Writes down what goes over the wire to the server at `url`, HTTP and WebSocket alike. */
export async function startTap(url: string): Promise<Tap> {
  const { port, hostname } = new URL(url)
  const down: Buffer[][] = []
  const up: Buffer[][] = []
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const [from, to, heard] of [[client, upstream, up], [upstream, client, down]] as const) {
      const chunks: Buffer[] = []
      heard.push(chunks)
      open.add(from)
      from.on('data', (chunk) => chunks.push(chunk)).on('error', () => to.destroy()).on('close', () => {
        open.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const textOf = (sockets: Buffer[][]) => sockets.map((chunks) => Buffer.concat(chunks).toString('latin1')).join('\n')
  const { port: own } = server.address() as AddressInfo
  return {
    through: (target) => target.replace(`${hostname}:${port}`, `127.0.0.1:${own}`),
    down: () => textOf(down), up: () => textOf(up),
    close: async () => {
      open.forEach((socket) => socket.destroy())
      server.close()
      await once(server, 'close')
    },
  }
}
