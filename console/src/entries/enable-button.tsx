import { useAction } from '../data/use-action.js'
import { SetEntryEnabledDocument } from '../generated/graphql.js'
import { InlineError } from '../parts/inline-error.js'
import { ProgressButton } from '../parts/progress-button.js'
import { actTopics, type Done } from './done-notice.js'
import { type ActedOn } from './acted-on.js'

/** Enabling takes nothing from anybody and is done at once. */
export function EnableButton({ entry: { id, revision }, onDone }: { entry: ActedOn; onDone: (done: Done) => void }) {
  const { run, isRunning, problem } = useAction(SetEntryEnabledDocument, actTopics)
  const enable = async () => {
    const answer = await run({ input: { id, expectedRevision: revision, enabled: true } })
    if (answer !== null) onDone({ text: 'Enabled.', receiptId: null, undo: null })
  }
  return <><ProgressButton label="Enable" progress="Enabling…" isRunning={isRunning} onClick={() => void enable()} /><InlineError problem={problem} /></>
}
