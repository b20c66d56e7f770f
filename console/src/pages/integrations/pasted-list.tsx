import { Button, NativeSelect } from '@mantine/core'
import { useState } from 'react'
import { type Problem } from '../../data/problem.js'
import { useAsk } from '../../data/use-ask.js'
import { useData } from '../../data/use-data.js'
import { useDryRun } from '../../data/use-dry-run.js'
import { type NamedOwner, useViewer } from '../../data/viewer.js'
import { type ImportConflict, ImportIntegrationsDocument, type ImportIntegrationsMutation } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { InlineError } from '../../parts/inline-error.js'
import { ProgressButton } from '../../parts/progress-button.js'
import { Section } from '../../parts/section.js'
import { type AddRow } from './add-integration.js'
import { cliImport } from './cli-import.js'
import { PastedRow } from './pasted-row.js'
import { mcpJsonText } from './server-draft.js'
import { useSubmitKey } from './use-submit-key.js'
import classes from './add.module.css'

export type ImportedItem = ImportIntegrationsMutation['importCatalog']['items'][number]

const written = new Set(['CREATED', 'UPDATED', 'RENAMED'])
const conflicts: ReadonlyArray<{ value: ImportConflict; label: string }> = [
  { value: 'SKIP', label: 'Leave it out' }, { value: 'UPDATE', label: 'Make it a new revision of what is there' }, { value: 'RENAME', label: 'Add a number to the name' },
]

export interface PastedListProps {
  rows: readonly AddRow[]
  owner: NamedOwner
  onChange: (id: number, part: Partial<AddRow>) => void
  onClear: () => void
  onDone: (items: readonly ImportedItem[]) => void
}

/** Several servers of one paste: each with what would become of it, and one button for those that are chosen. */
export function PastedList({ rows, owner, onChange, onClear, onDone }: PastedListProps) {
  const viewer = useViewer()
  const { live } = useData()
  const register = useAsk(ImportIntegrationsDocument)
  const [onConflict, setOnConflict] = useState<ImportConflict>('SKIP')
  const [isRunning, setRunning] = useState(false)
  const [refusal, setRefusal] = useState<Problem | null>(null)
  // A file has each name once; of several rows with one name the first counts.
  const named = [...new Map(rows.map((row) => [row.draft.name, row]).reverse() as Array<[string, AddRow]>).values()]
  const first = new Set(named.map(({ id }) => id))
  const sent = rows.filter(({ id }) => first.has(id))
  const input = (drafts: readonly AddRow[], dryRun: boolean) => ({ input: { owner: { kind: owner.kind, id: owner.id }, format: 'MCP_JSON' as const, onConflict, text: mcpJsonText(drafts.map(({ draft }) => draft)), dryRun } })
  const { answer, problem, isStale } = useDryRun(ImportIntegrationsDocument, input(sent, true))
  const items = itemsByName(sent, answer)
  const chosen = sent.filter(({ isChosen, draft }) => isChosen && written.has(items.get(draft.name)?.outcome ?? ''))
  const submit = async () => {
    if (isRunning || chosen.length === 0) return
    setRunning(true)
    const { data, problem: refused } = await register(input(chosen, false))
    setRunning(false)
    setRefusal(refused)
    if (data === null) return
    live.touch(['entries', 'approvals', 'workers'])
    onDone(data.importCatalog.items)
  }
  useSubmitKey(() => void submit())
  return (
    <Section title={`${rows.length} servers`}>
      <NativeSelect label="Where a name is taken" data={[...conflicts]} value={onConflict} onChange={({ currentTarget }) => setOnConflict(currentTarget.value as ImportConflict)} />
      <ul className={classes.pasted}>
        {rows.map((row) => <PastedRow key={row.id} row={row} owner={owner} item={first.has(row.id) ? items.get(row.draft.name) ?? null : 'DOUBLE'} onChange={(part) => onChange(row.id, part)} />)}
      </ul>
      <InlineError problem={problem} />
      <div className={classes.bar}>
        <InlineError problem={refusal} />
        <div className={classes.actions}>
          <ProgressButton label={`Add ${chosen.length}`} progress="Adding…" isRunning={isRunning} disabled={chosen.length === 0} onClick={() => void submit()} />
          <Button variant="default" onClick={onClear}>Start again</Button>
          <span className={classes.hint}>{isStale ? 'Looking through them…' : `${chosen.length} of ${rows.length} would be added.`} <span className={classes.keys}>Ctrl+Enter does it.</span></span>
        </div>
      </div>
      {chosen.length > 0 && <CliLine line={cliImport(chosen.map(({ draft }) => draft), owner, viewer.id, onConflict.toLowerCase())} />}
    </Section>
  )
}

/** The answer has one item for each name in the order of the text's keys, in which numbers come first; what it calls them may be redacted. */
function itemsByName(sent: readonly AddRow[], answer: ImportIntegrationsMutation | null): Map<string, ImportedItem> {
  const keys = Object.keys(Object.fromEntries(sent.map(({ draft }) => [draft.name, true])))
  return new Map(answer?.importCatalog.items.flatMap((item, at) => (keys[at] === undefined ? [] : [[keys[at], item] as const])))
}
