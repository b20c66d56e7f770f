import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import postgres from 'postgres'
import ts from 'typescript'
import { root } from './process.js'

const run = promisify(execFile)

export async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 15_000
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`)
    await delay(2)
  }
}

export async function serverPid(dataDir: string): Promise<number> {
  const text = await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').catch(() => '')
  return Number(text.split('\n')[0])
}

/** A container's first process may never collect a dead orphan, so `kill(pid, 0)` would go on finding it. */
export async function isRunning(pid: number): Promise<boolean> {
  if (process.platform === 'linux') return /\) [^ZX]/.test(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''))
  return pid > 0 && run('kill', ['-0', String(pid)]).then(() => true, () => false)
}

export async function query<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  return work(sql).finally(() => sql.end())
}

export const remember = (url: string) => query(url, (sql) => sql`create table memory as select 42 as answer`)
export const recall = (url: string) => query(url, async (sql) => (await sql<{ answer: number }[]>`select answer from memory`)[0]?.answer)

/** The supervisor's sources as JavaScript, in a project of their own. */
export async function compile(project: string): Promise<void> {
  const [from, to] = [root, project].map((each) => join(each, 'src', 'db')) as [string, string]
  await mkdir(to, { recursive: true })
  for (const name of (await readdir(from)).filter((each) => /^(embedded.*|free-port)\.ts$/.test(each))) {
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }
    const { outputText } = ts.transpileModule(await readFile(join(from, name), 'utf8'), { compilerOptions })
    await writeFile(join(to, name.replace(/ts$/, 'js')), outputText)
  }
  await writeFile(join(project, 'package.json'), '{ "type": "module" }')
  await symlink(join(root, 'node_modules'), join(project, 'node_modules'))
}

/** A copy whose files are hard links where possible: for what is not written into, which spares the disk 40 to 60 MB. */
export async function linkTree(from: string, to: string): Promise<void> {
  await run('cp', ['-al', from, to]).catch(async () => {
    await rm(to, { recursive: true, force: true })
    await run('cp', ['-a', from, to])
  })
}
