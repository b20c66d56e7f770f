import { createHash } from 'node:crypto'
import { EffectiveCatalogDocument, RevocationDocument, RevocationsDocument } from '../../src/client/index.js'
import { readOn } from '../chaos/world.js'
import { verify } from '../chaos/checks.js'
import { type Trial } from './flows.js'
import { type World } from './world.js'

type Expected = Pick<Trial, 'name' | 'mark' | 'transport' | 'value'>

/** What must be so in the end: the second reader, the worker and its processes have what the catalog says, and nothing else. */
export async function problemsOf(world: World, { name, mark, transport, value }: Expected): Promise<string[]> {
  const { ann, reader, worker, upstreams, owner } = world
  const { effectiveCatalog: { cursor, mcpServers } } = await ann.execute(EffectiveCatalogDocument, { owner })
  const wanted = new Map(mcpServers.map((entry) => [`MCP_SERVER:${entry.name}`, `${entry.id}@${entry.revision}`]))
  if (wanted.has(`MCP_SERVER:${name}`) !== (value !== null)) return [`${name} is ${value === null ? '' : 'not '}in the set`]
  const problems = differs('the second reader', reader.view(), wanted)
  if ((reader.cursor() ?? '') < cursor) return [`the second reader stands at ${reader.cursor()} instead of ${cursor}`]
  const has = await worker.ask({ cursor })
  if (has?.rows === undefined) return [...problems, `the worker does not settle: ${has?.trouble}`]
  problems.push(...differs('the worker', new Map(has.rows.map((row) => [`${row.kind}:${row.name}`, `${row.entryId}@${row.revision}${row.state === 'APPLIED' ? '' : ` ${row.state}: ${row.reason}`}`])), wanted))
  problems.push(...differs("the worker's tools", new Map(has.tools!.map((tool) => [tool, ''])), new Map(mcpServers.map((entry) => [`${entry.name}-digest`, '']))))
  if (problems.length > 0) return problems
  const called = await worker.ask({ tool: `${name}-digest` }, 8_000)
  const digest = value === null ? undefined : createHash('sha256').update(value).digest('hex')
  if (called?.text !== digest) problems.push(`a call of ${name} has ${called?.text === undefined ? called?.trouble : 'the answer of another value'}`)
  const processes = upstreams.living(mark).length
  if (processes !== (transport === 'stdio' && value !== null ? 1 : 0)) problems.push(`${processes} processes of ${name} live`)
  return problems
}

function differs(who: string, has: ReadonlyMap<string, string>, wanted: ReadonlyMap<string, string>): string[] {
  return [...new Set([...has.keys(), ...wanted.keys()])].filter((key) => has.get(key) !== wanted.get(key))
    .map((key) => `${who} has ${key} ${has.get(key) ?? 'not'}, wanted ${wanted.get(key) ?? 'not'}`)
}

/**
 * Each receipt is complete.
 * @param mayWait whether a process that had it was killed: then a receipt may wait too, if it names who did not answer and until when that may be
 */
export async function receiptProblems({ boss }: World, entryId: string, mayWait: boolean): Promise<string[]> {
  const { revocations } = await boss.execute(RevocationsDocument, { entryId })
  const problems = await Promise.all(revocations.nodes.map(async ({ id }) => {
    const { revocation } = await boss.execute(RevocationDocument, { id, first: 100 })
    if (revocation!.state === 'COMPLETE') return []
    if (!mayWait) return [`the receipt ${id} is ${revocation!.state}: ${JSON.stringify(revocation!.targets.nodes)}`]
    const open = revocation!.targets.nodes.filter(({ state }) => state !== 'STOPPED' && state !== 'REFUSED')
    const unnamed = open.filter(({ worker, mustStopBy }) => worker === null || mustStopBy === null)
    return open.length === 0 || unnamed.length > 0 ? [`the receipt ${id} is ${revocation!.state}, and does not say who is late: ${JSON.stringify(open)}`] : []
  }))
  return problems.flat()
}

/** What the tables must say of each other, whatever was killed: looked at once, at rest. */
export async function tableProblems({ postgres, auditKey, chains }: World): Promise<string[]> {
  const rows = await postgres.ask((sql) => sql<{ problem: string }[]>`
    select 'entry ' || id || ' is at ' || revision || ', which is not its last revision' as problem from entry
      where revision is distinct from (select max(revision) from entry_revision where entry_id = entry.id)
    union all select 'the change ' || sequence || ' has no audit event' from change_event
      where not exists (select 1 from audit_event where audit_event.sequence = change_event.sequence and target = subject_id)
    union all select 'the audit event ' || sequence || ' has no change' from audit_event
      where sequence >= (select min(sequence) from change_event) and not exists (select 1 from change_event where change_event.sequence = audit_event.sequence)
    union all select 'the head is not where the log ends' from catalog_head where sequence <> (select max(sequence) from audit_event)
    union all select 'entry ' || entry.id || ' and its request disagree' from entry left join approval on approval.id = entry.approval->>'id'
      where entry.approval is not null and approval.state is distinct from entry.approval->>'state'
    union all select 'the revocation ' || sequence || ' has no receipt' from audit_event
      where action = 'entry.revoke' and not exists (select 1 from revocation where revocation.sequence = audit_event.sequence and entry_id = target)
    union all select 'the receipt ' || id || ' is of no revocation' from revocation
      where verb = 'REVOKE' and not exists (select 1 from audit_event where audit_event.sequence = revocation.sequence and action = 'entry.revoke')`, 'pilothouse')
  const chainProblems = await readOn(postgres, 'pilothouse', async (db) => [...await verify(db, auditKey, chains, 'changes'), ...await verify(db, auditKey, chains, 'access')])
  return [...rows.map(({ problem }) => problem), ...chainProblems]
}
