import { type ReactNode, type SubmitEvent, useRef, useState } from 'react'
import { type Finding, type Problem } from '../../data/problem.js'
import { useDryRun } from '../../data/use-dry-run.js'
import { type NamedOwner, useViewer } from '../../data/viewer.js'
import { type IntegrationDryRunQueryVariables, IntegrationDryRunDocument } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { ProgressButton } from '../../parts/progress-button.js'
import { cliSave } from './cli-import.js'
import { MoreFields } from './more-fields.js'
import { placeFindings } from './place-findings.js'
import { emptyDraft, registerInput, type ServerDraft } from './server-draft.js'
import { ServerFields } from './server-fields.js'
import { useSubmitKey } from './use-submit-key.js'
import { VerdictBar } from './verdict-bar.js'
import classes from './add.module.css'

export interface ServerFormProps {
  draft: ServerDraft
  owner: NamedOwner
  /** null: it would be a new one. */
  entryId: string | null
  /** As it was opened; left out for a new one. */
  before?: ServerDraft
  label: string
  progress: string
  isRunning: boolean
  refusal: Problem | null
  onChange: (part: Partial<ServerDraft>) => void
  onSubmit: () => Promise<void>
  /** Beside the button. */
  children?: ReactNode
}

/** What everybody fills in. */
const startFields = ['name', 'url', 'command'] as const

const refusing = (findings: readonly Finding[]): number => findings.filter(({ effect }) => effect === 'DENY').length

/** The form of one MCP server, with what the server would say of it while it is filled in. */
export function ServerForm({ draft, owner, entryId, before, label, progress, isRunning, refusal, onChange, onSubmit, children }: ServerFormProps) {
  const viewer = useViewer()
  const form = useRef<HTMLFormElement>(null)
  const [hasTried, setTried] = useState(false)
  const isBlank = draft === emptyDraft
  const { answer, problem, isStale } = useDryRun(IntegrationDryRunDocument, isBlank ? null : { input: registerInput(draft, owner), entryId } satisfies IntegrationDryRunQueryVariables)
  const verdict = answer?.validateMcpServer ?? null
  const place = placeFindings(verdict?.findings ?? [], draft)
  // What is empty because nobody came to it yet is not complained of.
  const isAhead = (field: string) => !hasTried && startFields.some((start) => start === field && draft[start] === '')
  const findings = (field: string): readonly Finding[] => (isAhead(field) ? [] : place(field))
  const marked = refusing(verdict?.findings ?? []) - refusing(startFields.filter(isAhead).flatMap(place))
  const goToFirst = () => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  const submit = async () => {
    if (isRunning) return
    setTried(true)
    await onSubmit()
    goToFirst()
  }
  useSubmitKey(() => void submit())
  const fields = { draft, owner, findings, onChange }
  return (
    <form ref={form} noValidate className={classes.form} onSubmit={(event: SubmitEvent) => { event.preventDefault(); void submit() }}>
      <ServerFields {...fields} />
      <MoreFields {...fields} isNew={entryId === null} />
      <VerdictBar draft={draft} owner={owner} kind={verdict?.kind ?? null} marked={marked} whole={[...findings('whole'), ...findings('owner')]} problem={problem} isStale={isStale} refusal={refusal} onFirst={goToFirst}>
        <ProgressButton type="submit" label={label} progress={progress} isRunning={isRunning} />
        {children}
      </VerdictBar>
      {!isBlank && <CliLine line={cliSave(draft, owner, viewer.id, before ?? null)} />}
    </form>
  )
}
