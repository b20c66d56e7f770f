import { useAction } from '../data/use-action.js'
import { RestoreEntryDocument } from '../generated/graphql.js'
import { InlineError } from '../parts/inline-error.js'
import { ProgressButton } from '../parts/progress-button.js'
import { actTopics } from './done-notice.js'

/** Undoes a revocation as far as one person can: somebody else has to approve. */
export function RestoreButton({ entry: { id, revision }, onRestored }: { entry: { id: string; revision: number }; onRestored: () => void }) {
  const { run, isRunning, problem } = useAction(RestoreEntryDocument, actTopics)
  const restore = async () => {
    if (await run({ input: { id, expectedRevision: revision } }) !== null) onRestored()
  }
  return (
    <>
      <ProgressButton variant="default" label="Ask for it back" progress="Asking…" isRunning={isRunning} onClick={() => void restore()} />
      <InlineError problem={problem} />
    </>
  )
}
