import { Button, Stack } from '@mantine/core'
import { useState } from 'react'
import { isSameOwner } from '../../../src/core/owner.js'
import { useAction } from '../data/use-action.js'
import { type NamedOwner, useViewer } from '../data/viewer.js'
import { ShareAgentDocument, ShareMcpServerDocument, type Visibility } from '../generated/graphql.js'
import { CliLine } from '../parts/code-block.js'
import { ConfirmDialog } from '../parts/confirm-dialog.js'
import { type ActedOn } from './acted-on.js'
import { audienceInput } from './audience-input.js'
import { shareLine } from './cli-args.js'
import { actTopics, type Done, undoBy } from './done-notice.js'
import { Impact } from './impact.js'
import { ShareFields, type Sharing } from './share-fields.js'

export interface SharedEntry extends ActedOn {
  kind: 'AGENT' | 'MCP_SERVER'
  visibility: Visibility
  audience: readonly NamedOwner[]
}

const width: Record<Visibility, number> = { PRIVATE: 0, SHARED: 1, PUBLIC: 2 }

/** Says who else uses it. The owner stays: an entry is given to somebody else by being registered there. */
export function ShareButton({ entry, onDone }: { entry: SharedEntry; onDone: (done: Done) => void }) {
  const [isAsking, setAsking] = useState(false)
  return (
    <>
      <Button variant="default" onClick={() => setAsking(true)}>Share</Button>
      {isAsking && <ShareDialog entry={entry} onDone={onDone} onClose={() => setAsking(false)} />}
    </>
  )
}

function ShareDialog({ entry: current, onDone, onClose }: { entry: SharedEntry; onDone: (done: Done) => void; onClose: () => void }) {
  const viewer = useViewer()
  // As it was when this opened: what somebody else shares meanwhile is not overwritten unseen.
  const [entry] = useState(current)
  const [sharing, setSharing] = useState<Sharing>({ visibility: entry.visibility, audience: entry.audience })
  const { run, isRunning, problem, mutation } = useShare(entry.kind)
  const share = async () => {
    const answer = await run({ input: { id: entry.id, expectedRevision: entry.revision, visibility: sharing.visibility, audience: audienceInput(sharing) } })
    if (answer === null) return
    const { entry: shared, revocation } = answer.shared
    onClose()
    onDone({
      text: 'Shared as you said.', receiptId: revocation?.id ?? null,
      undo: undoBy(mutation, { input: { id: entry.id, expectedRevision: shared.revision, visibility: entry.visibility, audience: audienceInput(entry) } }, 'Undo: share it as before', 'Sharing…'),
    })
  }
  return (
    <ConfirmDialog
      isOpen title={`Share ${entry.name}?`} label="Share" progress="Sharing…" isRunning={isRunning} problem={problem} onConfirm={() => void share()} onClose={onClose}
    >
      <Stack gap="sm">
        <ShareFields owner={entry.owner} sharing={sharing} onChange={(part) => setSharing((before) => ({ ...before, ...part }))} />
        {isNarrower(entry, sharing) && <><p>Whoever it is not shared with any more loses it. Of all that have it now:</p><Impact id={entry.id} /></>}
        <CliLine line={shareLine(entry, viewer.id, sharing.visibility, sharing.audience)} />
      </Stack>
    </ConfirmDialog>
  )
}

function isNarrower(before: Sharing, { visibility, audience }: Sharing): boolean {
  if (width[visibility] !== width[before.visibility]) return width[visibility] < width[before.visibility]
  return visibility === 'SHARED' && before.audience.some((owner) => !audience.some((each) => isSameOwner(each, owner)))
}

/** The mutation of its kind; both answer in the same form. */
function useShare(kind: SharedEntry['kind']) {
  const ofServer = useAction(ShareMcpServerDocument, actTopics)
  const ofAgent = useAction(ShareAgentDocument, actTopics)
  return kind === 'AGENT' ? { ...ofAgent, mutation: ShareAgentDocument } : { ...ofServer, mutation: ShareMcpServerDocument }
}
