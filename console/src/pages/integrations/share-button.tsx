import { Button, NativeSelect, Stack } from '@mantine/core'
import { useState } from 'react'
import { useAction } from '../../data/use-action.js'
import { useViewer } from '../../data/viewer.js'
import { ShareIntegrationDocument, type Visibility } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { ConfirmDialog } from '../../parts/confirm-dialog.js'
import { shareLine } from '../../entries/cli-args.js'
import { actTopics, type Done, undoBy } from '../../entries/done-notice.js'
import { Impact } from '../../entries/impact.js'
import { type Integration } from './integration-detail.js'
import { SharePicker } from './share-picker.js'

type Owner = Integration['audience'][number]

const reach: Record<Visibility, string> = { PRIVATE: 'Nobody else', SHARED: 'Those whom I name', PUBLIC: 'Everybody' }
const width: Record<Visibility, number> = { PRIVATE: 0, SHARED: 1, PUBLIC: 2 }

/** Says who else uses it. The owner stays: an entry is given to somebody else by being registered there. */
export function ShareButton({ server, onDone }: { server: Integration; onDone: (done: Done) => void }) {
  const [isAsking, setAsking] = useState(false)
  return (
    <>
      <Button variant="default" onClick={() => setAsking(true)}>Share</Button>
      {isAsking && <ShareDialog server={server} onDone={onDone} onClose={() => setAsking(false)} />}
    </>
  )
}

function ShareDialog({ server, onDone, onClose }: { server: Integration; onDone: (done: Done) => void; onClose: () => void }) {
  const viewer = useViewer()
  const [visibility, setVisibility] = useState<Visibility>(server.visibility)
  const [audience, setAudience] = useState<readonly Owner[]>(server.audience)
  const { run, isRunning, problem } = useAction(ShareIntegrationDocument, actTopics)
  const named = visibility === 'SHARED' ? audience : []
  const isNarrower = width[visibility] < width[server.visibility] || (visibility === 'SHARED' && server.audience.some((owner) => !named.some(({ id }) => id === owner.id)))
  const share = async () => {
    const answer = await run({ input: { id: server.id, expectedRevision: server.revision, visibility, audience: inputOf(named) } })
    if (answer === null) return
    const { mcpServer, revocation } = answer.updateMcpServer
    onClose()
    onDone({
      text: 'Shared as you said.', receiptId: revocation?.id ?? null,
      undo: undoBy(
        ShareIntegrationDocument, { input: { id: server.id, expectedRevision: mcpServer.revision, visibility: server.visibility, audience: inputOf(server.audience) } },
        'Undo: share it as before', 'Sharing…',
      ),
    })
  }
  // For everybody only an admin opens what is not the deployment's.
  const mayBePublic = viewer.isAdmin || server.owner.kind === 'DEPLOYMENT' || server.visibility === 'PUBLIC'
  const offered: readonly Visibility[] = mayBePublic ? ['PRIVATE', 'SHARED', 'PUBLIC'] : ['PRIVATE', 'SHARED']
  return (
    <ConfirmDialog
      isOpen title={`Share ${server.name}?`} label="Share" progress="Sharing…" isRunning={isRunning} problem={problem} onConfirm={() => void share()} onClose={onClose}
    >
      <Stack gap="sm">
        <NativeSelect
          label="Besides its owner, who uses it?" value={visibility} onChange={({ currentTarget }) => setVisibility(currentTarget.value as Visibility)}
          data={offered.map((value) => ({ value, label: reach[value] }))}
        />
        {visibility === 'SHARED' && <SharePicker owners={audience} onChange={setAudience} />}
        {isNarrower && <><p>Whoever it is not shared with any more loses it. Of all that have it now:</p><Impact id={server.id} /></>}
        <CliLine line={shareLine(server, viewer.id, visibility, named)} />
      </Stack>
    </ConfirmDialog>
  )
}

const inputOf = (owners: readonly Owner[]) => owners.map(({ kind, id }) => (kind === 'DEPLOYMENT' ? { kind } : { kind, id }))
