import { Button } from '@mantine/core'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { type OwnerInput, RemoveSecretDocument, SecretImpactDocument } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { ConfirmDialog } from '../../parts/confirm-dialog.js'
import { impactText } from '../../parts/impact-text.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { deleteSecretLine } from './secret-lines.js'
import { type Secret } from './use-secrets.js'
import classes from './secrets.module.css'

const changed: readonly Topic[] = ['secrets', 'entries', 'workers']
/** Of so many entries it is counted who would lose it; each of them is a request. */
const mostCounted = 20

/** Names what uses it, and how many sessions would lose it now. */
export function DeleteSecretButton({ secret, owner, scope }: { secret: Secret; owner: OwnerInput; scope: string }) {
  const navigate = useNavigate()
  const [isAsking, setAsking] = useState(false)
  const { run, isRunning, problem, reset } = useAction(RemoveSecretDocument, changed)
  const { name, usedBy } = secret
  const remove = async () => {
    if (await run({ input: { owner, name } }) !== null) void navigate(`/secrets/${scope}`)
  }
  return (
    <>
      <Button variant="outline" color="red" onClick={() => { reset(); setAsking(true) }}>Delete</Button>
      <ConfirmDialog
        isOpen={isAsking} title={`Delete ${name}?`} label="Delete" progress="Deleting…" isRunning={isRunning} problem={problem} isDangerous
        onConfirm={() => void remove()} onClose={() => setAsking(false)}
      >
        <div className={classes.asking}>
          {usedBy.length === 0 ? <p>Nothing that you may see uses it.</p> : <p>What uses it stops, calls in flight too:</p>}
          <ul className={classes.users}>
            {usedBy.map((entry, at) => <li key={entry.id}><span><OutsideText>{entry.name}</OutsideText>{at < mostCounted && <>: <Impact secret={secret} entry={entry} /></>}</span></li>)}
          </ul>
          <p>Its value cannot be brought back. Set it again to undo this.</p>
          <CliLine line={deleteSecretLine(name, scope)} />
        </div>
      </ConfirmDialog>
    </>
  )
}

function Impact({ secret, entry }: { secret: Secret; entry: Secret['usedBy'][number] }) {
  const { data, problem } = useLiveQuery(SecretImpactDocument, { variables: { entryId: entry.id }, topics: ['workers', 'entries'] })
  if (data === undefined) return problem === null ? <span role="status">looking who has it…</span> : <InlineError problem={problem} />
  const { nodes, pageInfo } = data.revocationImpact
  // In somebody else's entry a person's secret fills that person's own sessions.
  const isOfOthers = secret.owner.kind === 'USER' && !(entry.owner.kind === 'USER' && entry.owner.id === secret.owner.id)
  const losing = isOfOthers ? nodes.filter(({ owner }) => owner.kind === 'USER' && owner.id === secret.owner.id) : nodes
  return <>{impactText(losing, pageInfo.hasNextPage)}</>
}
