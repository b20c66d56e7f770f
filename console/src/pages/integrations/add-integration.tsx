import { Button, NativeSelect } from '@mantine/core'
import { useState } from 'react'
import { useNavigate, useSearchParams } from 'react-router'
import { type ParsedItem } from '../../../../src/core/mcp-json.js'
import { type Finding, type Problem } from '../../data/problem.js'
import { scopeOf, scopeTitle } from '../../data/scope.js'
import { useAsk } from '../../data/use-ask.js'
import { useData } from '../../data/use-data.js'
import { type NamedOwner, useViewer } from '../../data/viewer.js'
import { AddIntegrationDocument } from '../../generated/graphql.js'
import { EmptyState } from '../../parts/empty-state.js'
import { Findings } from '../../parts/findings.js'
import { PageHeader } from '../../parts/page-header.js'
import { shownText } from '../../parts/shown-text.js'
import { afterSaving, UnsavedGuard } from '../../parts/unsaved-guard.js'
import { Imported } from './imported.js'
import { PasteBox } from './paste-box.js'
import { type ImportedItem, PastedList } from './pasted-list.js'
import { draftOfItem, emptyDraft, registerInput, type ServerDraft } from './server-draft.js'
import { ServerForm } from './server-form.js'
import classes from './add.module.css'

/** One server of the page, as pasted or filled in. */
export interface AddRow {
  id: number
  draft: ServerDraft
  /** What was not taken over from a paste. */
  left: readonly Finding[]
  isChosen: boolean
}

const blank: AddRow = { id: 0, draft: emptyDraft, left: [], isChosen: true }

export function AddIntegration() {
  const viewer = useViewer()
  const [params, setParams] = useSearchParams()
  const [rows, setRows] = useState<readonly AddRow[]>([blank])
  const [imported, setImported] = useState<readonly ImportedItem[] | null>(null)
  const owners = viewer.owners.filter((owner) => viewer.can('WRITE_ENTRIES', owner)).reverse()
  const owner = owners.find((one) => scopeOf(one, viewer.id) === params.get('owner')) ?? owners[0]
  const back = { to: { pathname: `/integrations/${params.get('owner') ?? 'all'}` }, label: 'Integrations' }
  if (owner === undefined) return <div className={classes.page}><PageHeader title="Add an MCP server" back={back} /><EmptyState title="There is nobody for whom you may add one." /></div>
  const startAgain = () => {
    setRows([blank])
    setImported(null)
  }
  if (imported !== null) return <div className={classes.page}><PageHeader title="Add MCP servers" back={back} /><Imported items={imported} onAgain={startAgain} /></div>
  // A second paste adds to what is there; only a form that nobody touched gives way.
  const take = (items: ParsedItem[]) => setRows((before) => {
    const kept = before.filter(({ draft }) => draft !== emptyDraft)
    const next = Math.max(0, ...before.map(({ id }) => id)) + 1
    return [...kept, ...items.map((item, at) => {
      const { draft, findings } = draftOfItem(item)
      return { id: next + at, draft, left: findings, isChosen: true }
    })]
  })
  const change = (id: number, part: Partial<AddRow>) => setRows((before) => before.map((row) => (row.id === id ? { ...row, ...part } : row)))
  const [only] = rows
  return (
    <div className={classes.page}>
      <UnsavedGuard isTyped={rows.some(({ draft }) => draft !== emptyDraft)} what="What you filled in here" />
      <PageHeader title="Add an MCP server" back={back} />
      <PasteBox onRead={take} />
      {owners.length > 1 && (
        <NativeSelect
          label="Whose" value={scopeOf(owner, viewer.id)} data={owners.map((one) => ({ value: scopeOf(one, viewer.id), label: shownText(scopeTitle(one, viewer.id)) }))}
          onChange={({ currentTarget: { value } }) => setParams((before) => { before.set('owner', value); return before }, { replace: true })}
        />
      )}
      {rows.length === 1 && only !== undefined
        ? <One key={only.id} row={only} owner={owner} onChange={(part) => change(only.id, part)} onClear={startAgain} />
        : <PastedList rows={rows} owner={owner} onChange={change} onClear={startAgain} onDone={setImported} />}
    </div>
  )
}

function One({ row: { draft, left }, owner, onChange, onClear }: { row: AddRow; owner: NamedOwner; onChange: (part: Partial<AddRow>) => void; onClear: () => void }) {
  const navigate = useNavigate()
  const { live } = useData()
  const register = useAsk(AddIntegrationDocument)
  const [isRunning, setRunning] = useState(false)
  const [refusal, setRefusal] = useState<Problem | null>(null)
  const submit = async () => {
    setRunning(true)
    const { data, problem } = await register({ input: registerInput(draft, owner) })
    setRunning(false)
    setRefusal(problem)
    if (data === null) return
    live.touch(['entries', 'approvals', 'workers'])
    void navigate(`/integrations/added/${data.registerMcpServer.mcpServer.id}`, afterSaving)
  }
  return (
    <>
      {left.length > 0 && <div className={classes.note}><p>Of what you pasted:</p><Findings findings={left} /></div>}
      <ServerForm
        draft={draft} owner={owner} entryId={null} label="Add" progress="Adding…" isRunning={isRunning} refusal={refusal} onSubmit={submit}
        onChange={(part) => { setRefusal(null); onChange({ draft: { ...draft, ...part } }) }}
      >
        {draft !== emptyDraft && <Button variant="default" onClick={onClear}>Start again</Button>}
      </ServerForm>
    </>
  )
}
