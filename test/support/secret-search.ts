import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { query } from './embedded.js'
import { secretForms } from './secret-forms.js'

/** The forms in which a text holds one of the values, by name. */
export function formsIn(text: string, values: string[]): string[] {
  return Object.entries(secretForms).filter(([, form]) => values.some((value) => text.includes(form(value)))).map(([name]) => name)
}

/** Every row of every table of a database, as Postgres writes it out. */
export function databaseText(url: string): Promise<string> {
  return query(url, async (sql) => {
    const tables = await sql<Array<{ name: string }>>`select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`
    const texts: string[] = []
    for (const { name } of tables) texts.push(name, ...(await sql.unsafe<Array<{ row: string }>>(`select t::text as row from ${name} t`)).map(({ row }) => row))
    return texts.join('\n')
  })
}

/** Every file below a folder, byte for byte. */
export function folderText(folder: string): string {
  const paths = (readdirSync(folder, { recursive: true }) as string[]).map((name) => join(folder, name)).filter((path) => statSync(path).isFile())
  return paths.map((path) => `${path}\n${readFileSync(path, 'latin1')}`).join('\n')
}
