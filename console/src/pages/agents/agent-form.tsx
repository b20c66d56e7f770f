import { Button } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { Link } from 'react-router'
import { type Finding, findingsAt, type Problem } from '../../data/problem.js'
import { useDryRun } from '../../data/use-dry-run.js'
import { scopeOf } from '../../data/scope.js'
import { type NamedOwner, useViewer } from '../../data/viewer.js'
import { CheckAgentDocument, type VerdictKind } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { Findings } from '../../parts/findings.js'
import { InlineError } from '../../parts/inline-error.js'
import { ProgressButton } from '../../parts/progress-button.js'
import { UnsavedGuard } from '../../parts/unsaved-guard.js'
import { type AgentDraft, registerInputOf } from './agent-draft.js'
import { AgentFields } from './agent-fields.js'
import { cliSaveAgent } from './cli-agent.js'
import classes from './agents.module.css'

export interface AgentFormProps {
  start: AgentDraft
  /** What is edited; null for a new one. */
  entryId: string | null
  /** Of what is edited; of a new one the draft says it. */
  owner: NamedOwner | null
  label: string
  progress: string
  isRunning: boolean
  /** Of the last try to save. */
  problem: Problem | null
  cancelTo: string
  /** What stands before the buttons, e.g. that it was changed meanwhile. */
  notice?: (draft: AgentDraft) => ReactNode
  onSave: (draft: AgentDraft) => void
}

const shownFields = ['owner', 'name', 'definition.description', 'definition.prompt', 'definition.model', 'definition.mcpServers', 'definition.skills', 'definition.tools', 'visibility', 'audience', 'apply', 'locked']
const verdicts: Record<VerdictKind, string> = {
  ALLOW: 'It can be saved, and runs at once.', NEEDS_APPROVAL: 'It can be saved, and then waits for an approval.', DENY: 'It cannot be saved like this.',
}

/** An agent's fields, asked about while they are filled in, by the dry run of saving. Nothing typed is lost when saving is refused. */
export function AgentForm({ start, entryId, owner: known, label, progress, isRunning, problem, cancelTo, notice, onSave }: AgentFormProps) {
  const viewer = useViewer()
  const [draft, setDraft] = useState(start)
  const [isTyped, setTyped] = useState(false)
  const owner = known ?? viewer.owners.find((one) => scopeOf(one, viewer.id) === draft.owner) ?? { kind: 'USER', id: viewer.id, displayName: viewer.displayName }
  // Before anything is typed there is nothing to complain about.
  const isUntouched = entryId === null && draft.name === '' && draft.prompt === ''
  const check = useDryRun(CheckAgentDocument, isUntouched ? null : { input: registerInputOf(draft), entryId })
  const verdict = check.answer?.validateAgent
  const findings: Finding[] = verdict?.findings ?? []
  const others = findings.filter((finding) => !shownFields.some((field) => findingsAt([finding], field).length > 0))
  return (
    <form noValidate className={classes.fields} onSubmit={(event) => { event.preventDefault(); if (!isRunning) onSave(draft) }}>
      <UnsavedGuard isTyped={isTyped} what="What you typed of this agent" />
      <AgentFields draft={draft} change={(part) => { setTyped(true); setDraft((before) => ({ ...before, ...part })) }} findings={findings} owner={owner} isNew={entryId === null} />
      <Findings findings={others} />
      <InlineError problem={check.problem} />
      {notice?.(draft)}
      <InlineError problem={problem} />
      <div className={classes.foot}>
        <ProgressButton type="submit" label={label} progress={progress} isRunning={isRunning} />
        <Button component={Link} to={cancelTo} variant="default">Cancel</Button>
        <span role="status">{verdict !== undefined && !check.isStale && verdicts[verdict.kind]}</span>
      </div>
      {!isUntouched && <WithCli draft={draft} owner={owner} before={entryId === null ? null : start} />}
    </form>
  )
}

const partNames: Record<string, string> = { description: 'the line ends of its description', prompt: 'the space before its prompt', name: 'its name' }

function WithCli({ draft, owner, before }: { draft: AgentDraft; owner: NamedOwner; before: AgentDraft | null }) {
  const viewer = useViewer()
  const { line, lost } = cliSaveAgent(draft, owner, viewer.id, before)
  return (
    <>
      <CliLine line={line} />
      {lost.length > 0 && <p>An .agent.md cannot say {lost.map((field) => partNames[field] ?? field).join(', ')}: that is set here, or through the API.</p>}
    </>
  )
}
