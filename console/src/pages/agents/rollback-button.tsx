import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { RollbackAgentDocument } from '../../generated/graphql.js'
import { InlineError } from '../../parts/inline-error.js'
import { ProgressButton } from '../../parts/progress-button.js'

const changed: readonly Topic[] = ['entries', 'approvals', 'workers', 'revocations']

/** Makes an old definition the newest revision. Nothing is lost by it: what was newest stays in the history. */
export function RollbackButton({ id, expectedRevision, toRevision }: { id: string; expectedRevision: number; toRevision: number }) {
  const { run, isRunning, problem } = useAction(RollbackAgentDocument, changed)
  return (
    <>
      <ProgressButton variant="default" size="compact-sm" label={`Go back to revision ${toRevision}`} progress="Going back…" isRunning={isRunning} onClick={() => void run({ input: { id, expectedRevision, toRevision } })} />
      <InlineError problem={problem} />
    </>
  )
}
