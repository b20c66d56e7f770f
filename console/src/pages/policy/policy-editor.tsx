import { Button } from '@mantine/core'
import { useRef, useState } from 'react'
import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { type OwnerInput, SavePolicyDocument } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { ConfirmDialog } from '../../parts/confirm-dialog.js'
import { InlineError } from '../../parts/inline-error.js'
import { JsonEditor, showPlace } from '../../parts/json-editor.js'
import { ProgressButton } from '../../parts/progress-button.js'
import { Section } from '../../parts/section.js'
import { UnsavedGuard } from '../../parts/unsaved-guard.js'
import { Effects, effectsText } from './effects.js'
import { PolicyConflict } from './policy-conflict.js'
import { PolicyFindings, PolicyWarnings } from './policy-findings.js'
import { PolicyHistory } from './policy-history.js'
import { policyLines } from './policy-lines.js'
import { type StoredPolicy } from './policy-page.js'
import { type Draft, useDraft } from './use-draft.js'
import { type Trial, useTrial } from './use-trial.js'
import classes from './policy.module.css'

export interface PolicyEditorProps {
  policy: StoredPolicy
  owner: OwnerInput
  scope: string
  /** Reads it again, as when somebody else saved another. */
  refresh: () => void
}

const findingsId = 'policy-findings'

export function PolicyEditor({ policy, owner, scope, refresh }: PolicyEditorProps) {
  const field = useRef<HTMLTextAreaElement>(null)
  const draft = useDraft(policy)
  const { text, checked } = draft
  const saving = useSaving({ owner, draft, refresh, showFirst: () => showPlace(field.current, checked.findings[0]?.at ?? 0) })
  const { trial } = saving
  const isOfThis = trial !== null && isOf(trial, draft)
  return (
    <>
      <UnsavedGuard isTyped={draft.isChanged} what="What you changed of the policy" />
      {draft.overtaken !== null && <PolicyConflict overtaken={draft.overtaken} onTheirs={draft.takeTheirs} onMine={draft.keepMine} />}
      <JsonEditor label="The policy, as JSON" text={text} field={field} badLines={new Set(checked.findings.map(({ line }) => line))} describedBy={findingsId} onText={(to) => { draft.setText(to); saving.reset() }} />
      <PolicyFindings id={findingsId} checked={checked} isChanged={draft.isChanged} onJump={(at) => showPlace(field.current, at)} />
      <div className={classes.actions}>
        <ProgressButton label="Simulate" progress="Simulating…" variant="default" isRunning={saving.isTrying} onClick={() => void saving.simulate()} />
        <ProgressButton label="Save…" progress="Looking what changes…" isRunning={saving.isTrying} onClick={() => void saving.ask()} />
        {draft.isChanged && <Button variant="subtle" onClick={() => { draft.undo(); saving.reset() }}>Undo my changes</Button>}
      </div>
      <p role="status">{saving.saved !== null && !draft.isChanged && `Revision ${saving.saved} is saved.`}</p>
      {!saving.isAsking && <InlineError problem={saving.problem} />}
      {isOfThis && <Section title="If this were saved"><p role="status"><strong>{effectsText(trial)}</strong></p><Effects effects={trial.effects} /></Section>}
      {trial !== null && !isOfThis && <p role="status">It was changed since it was simulated.</p>}
      <ConfirmDialog
        isOpen={saving.isAsking} title="Save this policy?" label="Save" progress="Saving…" isRunning={saving.isSaving} problem={saving.problem}
        onConfirm={() => void saving.save()} onClose={saving.close}
      >
        {trial !== null && <EffectOfSaving trial={trial} />}
      </ConfirmDialog>
      <PolicyWarnings warnings={policy.warnings} text={draft.isChanged ? null : text} onJump={(line) => showPlace(field.current, startOf(text, line))} />
      <CliLine line={policyLines(scope, draft.revision)} />
      <PolicyHistory owner={owner} onUse={(old) => { draft.setText(old); saving.reset(); showPlace(field.current, 0) }} />
    </>
  )
}

const isOf = (trial: Trial, draft: Draft) => trial.text === draft.text && trial.revision === draft.revision

const startOf = (text: string, line: number) => text.split('\n').slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0)

function EffectOfSaving({ trial }: { trial: Trial }) {
  const denied = trial.effects.filter(({ after }) => after.kind === 'DENY').length
  return (
    <>
      <p><strong>{effectsText(trial)}</strong></p>
      {denied > 0 && <p>What is denied leaves every set and every open session at once, and comes back when a policy lets it.</p>}
      <p>An older one can be saved again.</p>
    </>
  )
}

const changed: readonly Topic[] = ['policy', 'entries', 'approvals', 'revocations', 'workers']

/** Nothing is saved that was not simulated as it is. */
function useSaving({ owner, draft, refresh, showFirst }: { owner: OwnerInput; draft: Draft; refresh: () => void; showFirst: () => void }) {
  const { run: tryOut, trial, problem: refused, isRunning: isTrying, reset: resetTrial } = useTrial()
  const { run, isRunning: isSaving, problem, reset: resetSave } = useAction(SavePolicyDocument, changed)
  /** What is asked about; whoever types on meanwhile is asked about something else, by another press. */
  const [asked, setAsked] = useState<Trial | null>(null)
  const [saved, setSaved] = useState<number | null>(null)
  const { text, revision, checked: { document } } = draft
  const input = { owner, document, expectedRevision: revision }
  const simulate = async () => {
    setSaved(null)
    if (document === null) {
      showFirst()
      return null
    }
    resetSave()
    const found = await tryOut(text, input)
    if (found === null) refresh()
    return found
  }
  const save = async () => {
    const answer = await run({ input })
    // Most likely somebody else saved meanwhile: what they did is shown then.
    if (answer === null) return refresh()
    draft.taken(answer.setPolicy.policy)
    setSaved(answer.setPolicy.policy.revision)
    setAsked(null)
  }
  return {
    trial, isTrying, isSaving, isAsking: asked !== null && isOf(asked, draft), saved, problem: problem ?? refused, simulate, save,
    ask: async () => setAsked(await simulate()),
    close: () => setAsked(null),
    reset: () => { setAsked(null); resetTrial(); resetSave() },
  }
}
