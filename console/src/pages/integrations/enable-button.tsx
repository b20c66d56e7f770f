import { Button } from '@mantine/core'
import { useState } from 'react'
import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { IntegrationImpactDocument, SetIntegrationEnabledDocument } from '../../generated/graphql.js'
import { ConfirmDialog } from '../../parts/confirm-dialog.js'
import { InlineError } from '../../parts/inline-error.js'
import { impactText } from '../../parts/impact-text.js'
import { ProgressButton } from '../../parts/progress-button.js'
import { type Integration } from './integration-detail.js'

const changed: readonly Topic[] = ['entries', 'revocations', 'workers']

/** Enabling takes nothing from anybody and is done at once; disabling names who loses it first. */
export function EnableButton({ server: { id, name, enabled, revision } }: { server: Pick<Integration, 'id' | 'name' | 'enabled' | 'revision'> }) {
  const [isAsking, setAsking] = useState(false)
  const { run, isRunning, problem, reset } = useAction(SetIntegrationEnabledDocument, changed)
  const set = async (to: boolean) => {
    if (await run({ input: { id, expectedRevision: revision, enabled: to } }) !== null) setAsking(false)
  }
  if (!enabled) return <><ProgressButton label="Enable" progress="Enabling…" isRunning={isRunning} onClick={() => void set(true)} /><InlineError problem={problem} /></>
  return (
    <>
      <Button variant="default" onClick={() => { reset(); setAsking(true) }}>Disable</Button>
      <ConfirmDialog
        isOpen={isAsking} title={`Disable ${name}?`} label="Disable" progress="Disabling…" isRunning={isRunning} problem={problem}
        onConfirm={() => void set(false)} onClose={() => setAsking(false)}
      >
        <Impact id={id} />
      </ConfirmDialog>
    </>
  )
}

function Impact({ id }: { id: string }) {
  const { data, problem } = useLiveQuery(IntegrationImpactDocument, { variables: { id }, topics: ['workers', 'entries'] })
  if (data === undefined) return problem === null ? <p role="status">Looking who has it…</p> : <InlineError problem={problem} />
  const { nodes, pageInfo } = data.revocationImpact
  return <p>{impactText(nodes, pageInfo.hasNextPage)} Calls in flight may finish for 30 seconds. It can be enabled again.</p>
}
