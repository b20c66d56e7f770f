import { Button } from '@mantine/core'
import { useState } from 'react'
import { Link, useNavigate, useParams } from 'react-router'
import { definitionText } from '../../../../src/core/definition-text.js'
import { type Problem } from '../../data/problem.js'
import { useAsk } from '../../data/use-ask.js'
import { useData } from '../../data/use-data.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { useViewer } from '../../data/viewer.js'
import { ChangeIntegrationDocument, IntegrationDetailDocument, EntryImpactDocument } from '../../generated/graphql.js'
import { audienceInput } from '../../entries/audience-input.js'
import { ScopeBadge, StatusBadge } from '../../parts/badge.js'
import { DiffView, unifiedDiff } from '../../parts/diff-view.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { afterSaving, UnsavedGuard } from '../../parts/unsaved-guard.js'
import { type Integration } from './integration-detail.js'
import { definitionOf, draftOfEntry, type ServerDraft } from './server-draft.js'
import { ServerForm } from './server-form.js'
import classes from './add.module.css'

/** `/integrations/SCOPE/ID/edit`: the form of an MCP server that is there. */
export function EditIntegration() {
  const { id = '', scope = 'all' } = useParams()
  const viewer = useViewer()
  const { data, problem, isLoading, refresh } = useLiveQuery(IntegrationDetailDocument, { variables: { id }, topics: ['entries', 'approvals', 'policy'] })
  const [last, setLast] = useState<Integration | null>(null)
  const server = data?.mcpServer ?? null
  if (server !== null && server !== last) setLast(server)
  const back = `/integrations/${scope}/${id}`
  if (isLoading) return <p role="status" className={classes.page}>Loading…</p>
  // What was typed stays also when somebody deletes the server meanwhile.
  const shown = server ?? (last?.id === id ? last : null)
  const isWritable = shown !== null && viewer.can('WRITE_ENTRIES', shown.owner)
  return (
    <div className={classes.page}>
      <InlineError problem={problem} retry={refresh} />
      {isWritable && <Editing key={id} server={shown} isGone={server === null && problem === null} back={back} refresh={refresh} />}
      {!isWritable && problem === null && <><PageHeader title="Not there" back={{ to: back, label: 'Integrations' }} /><EmptyState title="There is no MCP server of that id that you may change." /></>}
    </div>
  )
}

interface EditingProps {
  server: Integration
  isGone: boolean
  back: string
  refresh: () => void
}

function Editing({ server, isGone, back, refresh }: EditingProps) {
  const viewer = useViewer()
  const navigate = useNavigate()
  const { live } = useData()
  const save = useAsk(ChangeIntegrationDocument)
  // What is typed builds on this revision, whatever others do meanwhile.
  const [base, setBase] = useState(server)
  const [draft, setDraft] = useState(() => draftOfEntry(server))
  const [isTyped, setTyped] = useState(false)
  const [isRunning, setRunning] = useState(false)
  const [refusal, setRefusal] = useState<Problem | null>(null)
  const submit = async () => {
    setRunning(true)
    const { data, problem } = await save({ input: inputOf(draft, base) })
    setRunning(false)
    setRefusal(problem)
    if (problem?.code === 'REVISION_CONFLICT') refresh()
    if (data === null) return
    live.touch(['entries', 'approvals', 'workers', 'revocations'])
    void navigate(`/integrations/added/${server.id}`, afterSaving)
  }
  const goOn = (next: ServerDraft) => {
    setBase(server)
    setDraft(next)
    setRefusal(null)
  }
  return (
    <>
      <UnsavedGuard isTyped={isTyped} what="What you changed of this MCP server" />
      <PageHeader
        title={`Change ${base.name}`} heading={<>Change <OutsideText>{base.name}</OutsideText></>} back={{ to: back, label: 'Back' }}
        badges={<><ScopeBadge owner={server.owner} viewerId={viewer.id} /><StatusBadge status={server.status} /></>}
      />
      <Sessions id={server.id} />
      {isGone && <div role="alert" className={classes.note}>It was deleted meanwhile, or is no longer yours to change. What you typed is still here.</div>}
      {!isGone && server.revision !== base.revision && (
        <Meanwhile base={base} server={server} onKeep={() => goOn(draft)} onTake={() => { setTyped(false); goOn(draftOfEntry(server)) }} />
      )}
      <ServerForm
        draft={draft} owner={server.owner} entryId={server.id} before={draftOfEntry(base)} label="Save" progress="Saving…" isRunning={isRunning} refusal={refusal} onSubmit={submit}
        onChange={(part) => { setTyped(true); setRefusal(null); setDraft((before) => ({ ...before, ...part })) }}
      >
        <Button component={Link} to={back} variant="default">Cancel</Button>
      </ServerForm>
    </>
  )
}

function inputOf(draft: ServerDraft, { id, revision }: Integration) {
  const { name, visibility, isLocked, apply } = draft
  return { id, expectedRevision: revision, name, definition: definitionOf(draft), visibility, audience: audienceInput(draft), locked: isLocked, apply }
}

/** Somebody else was faster: what they changed, and the choice. Nothing of either is overwritten unseen. */
function Meanwhile({ base, server, onKeep, onTake }: { base: Integration; server: Integration; onKeep: () => void; onTake: () => void }) {
  return (
    <div role="alert" className={classes.note}>
      <p><OutsideText>{server.updatedBy.displayName}</OutsideText> changed it meanwhile: it is at revision {server.revision}, and you began with {base.revision}.</p>
      <div className={classes.surface}><DiffView diff={unifiedDiff(textOf(base), textOf(server))} label="What was changed meanwhile" /></div>
      <div className={classes.actions}>
        <Button variant="default" onClick={onKeep}>Keep what I typed, over theirs</Button>
        <Button variant="default" onClick={onTake}>Take theirs, and drop mine</Button>
      </div>
    </div>
  )
}

function textOf({ name, description, mcpJson, enabled, visibility, audience, locked, apply }: Integration): string {
  return definitionText({ ...(mcpJson as object), name, description, enabled, visibility, audience: audience.map(({ displayName }) => displayName), locked, apply })
}

function Sessions({ id }: { id: string }) {
  const { data } = useLiveQuery(EntryImpactDocument, { variables: { id }, topics: ['workers', 'entries'] })
  const count = data?.revocationImpact.nodes.length ?? 0
  if (count === 0) return null
  return <p>{count === 1 ? 'One live session has' : `${count} live sessions have`} it now. If the change needs an approval, they lose it until then.</p>
}
