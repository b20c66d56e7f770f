import { Button, FileInput, NativeSelect, Textarea } from '@mantine/core'
import { useState } from 'react'
import { Link, useNavigate, useParams } from 'react-router'
import { type Topic } from '../../data/live.js'
import { ownerOfScope, scopeOf, scopeTitle } from '../../data/scope.js'
import { useAction } from '../../data/use-action.js'
import { useDryRun } from '../../data/use-dry-run.js'
import { useViewer } from '../../data/viewer.js'
import { ImportAgentDocument, type ImportAgentMutation, type ImportConflict } from '../../generated/graphql.js'
import { Badge, StatusBadge } from '../../parts/badge.js'
import { CliLine } from '../../parts/code-block.js'
import { Findings } from '../../parts/findings.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { ProgressButton } from '../../parts/progress-button.js'
import { shownText } from '../../parts/shown-text.js'
import { afterSaving, UnsavedGuard } from '../../parts/unsaved-guard.js'
import { cliImportAgent, cliImportFile, exampleFile } from './cli-agent.js'
import { DropPlace } from './drop-place.js'
import { NamedServers } from './named-servers.js'
import { PromptPreview } from './prompt-preview.js'
import classes from './agents.module.css'

type Item = ImportAgentMutation['importCatalog']['items'][number]

const changed: readonly Topic[] = ['entries', 'approvals', 'workers', 'revocations']
/** Of the API. */
const mostCharacters = 1_000_000
const conflicts: Partial<Record<ImportConflict, string>> = { FAIL: 'Refuse it', UPDATE: 'Make it a new revision', RENAME: 'Add a number to the name' }
const outcomes: Record<string, string> = {
  CREATED: 'Will be added', UPDATED: 'Will be a new revision', UNCHANGED: 'Is there already, just so', RENAMED: 'Will be added under another name', REFUSED: 'Cannot be imported',
}

/** An `.agent.md`, pasted or chosen. What it would become is asked by a dry run as soon as it is there; nothing is stored before the button. */
export function ImportAgent() {
  const { scope = 'all' } = useParams()
  const viewer = useViewer()
  const navigate = useNavigate()
  const owners = viewer.owners.filter((owner) => viewer.can('WRITE_ENTRIES', owner))
  const [owner, setOwner] = useState(() => (owners.some((one) => scopeOf(one, viewer.id) === scope) ? scope : 'me'))
  const [text, setText] = useState('')
  /** Of the file that the text is of; null: it was pasted or changed since. */
  const [fileName, setFileName] = useState<string | null>(null)
  /** Why a file was not taken. */
  const [fileProblem, setFileProblem] = useState<string | null>(null)
  const [onConflict, setConflict] = useState<ImportConflict>('FAIL')
  const input = { owner: ownerOfScope(owner) ?? { kind: 'USER' as const }, format: 'AGENT_MD' as const, text, onConflict }
  const { answer, problem: refused } = useDryRun(ImportAgentDocument, text.trim() === '' ? null : { input: { ...input, dryRun: true } })
  const item = answer?.importCatalog.items[0]
  const { run, isRunning, problem } = useAction(ImportAgentDocument, changed)
  const choose = async (file: File | null) => {
    if (file === null) return
    const isTooLong = file.size > 4 * mostCharacters
    const read = isTooLong ? null : await file.text().catch(() => null)
    setFileProblem(isTooLong ? 'The file is too large: an agent has at most 1,000,000 characters.' : read === null ? 'The file cannot be read. Choose it again, or paste what is in it.' : null)
    if (read === null) return
    setText(read)
    setFileName(file.name)
  }
  const save = async () => {
    const done = await run({ input: { ...input, dryRun: false } })
    const entry = done?.importCatalog.items[0]?.entry
    if (done?.importCatalog.cursor != null && entry != null) await navigate(`/agents/${scope}/${entry.id}`, afterSaving)
  }
  return (
    <>
      <UnsavedGuard isTyped={text.trim() !== '' && fileName === null} what="What you pasted" />
      <PageHeader title="Import an agent" back={{ to: `/agents/${scope}`, label: 'Agents' }} />
      <DropPlace onDrop={(file) => void choose(file)}>
        <FileInput label="File" description="An .agent.md of this computer; you can also drop it anywhere here. It is read here, and nothing in it is run." placeholder="Choose a file" accept=".md,text/markdown" onChange={(file) => void choose(file)} />
        {fileProblem !== null && <p role="alert">{fileProblem}</p>}
        <Textarea label="Or paste it" rows={10} value={text} onChange={({ currentTarget }) => { setText(currentTarget.value); setFileName(null) }} classNames={{ input: classes.mono }} spellCheck={false} />
        <NativeSelect label="Whose" value={owner} data={owners.map((one) => ({ value: scopeOf(one, viewer.id), label: shownText(scopeTitle(one, viewer.id)) }))} onChange={({ currentTarget }) => setOwner(currentTarget.value)} />
        <NativeSelect label="If the name is taken" value={onConflict} data={Object.entries(conflicts).map(([value, label]) => ({ value, label }))} onChange={({ currentTarget }) => setConflict(currentTarget.value as ImportConflict)} />
        <InlineError problem={refused} />
        {item !== undefined && <WouldBe item={item} />}
        <InlineError problem={problem} />
        <div className={classes.foot}>
          <ProgressButton label="Import" progress="Importing…" isRunning={isRunning} onClick={() => { if (text.trim() !== '') void save() }} />
          <Button component={Link} to={`/agents/${scope}`} variant="default">Cancel</Button>
        </div>
      </DropPlace>
      <div className={classes.cli}><CliLine line={text.trim() !== '' && fileName === null ? cliImportAgent(text, owner, onConflict.toLowerCase()) : cliImportFile(fileName ?? exampleFile, owner, onConflict.toLowerCase())} /></div>
    </>
  )
}

function WouldBe({ item: { name, outcome, findings, entry } }: { item: Item }) {
  return (
    <section aria-label="What it would become" className={classes.fields}>
      <p role="status"><Badge tone={outcome === 'REFUSED' ? 'bad' : 'good'}>{outcomes[outcome] ?? outcome.toLowerCase()}</Badge> <strong><OutsideText>{name}</OutsideText></strong> {entry != null && <StatusBadge status={entry.status} />}</p>
      <Findings findings={findings} />
      {entry?.__typename === 'Agent' && <><NamedServers names={entry.mcpServers} /><PromptPreview prompt={entry.prompt} /></>}
    </section>
  )
}
