import { Button } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'react-router'
import { ownerOfScope, scopeOf } from '../../data/scope.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { useViewer } from '../../data/viewer.js'
import { IntegrationSecretsDocument } from '../../generated/graphql.js'
import { Badge } from '../../parts/badge.js'
import { Dialog } from '../../parts/dialog.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { Section } from '../../parts/section.js'
import { ConnectSecret, type ConnectedServer } from './connect-secret.js'
import { type NeededSecret, neededSecrets, referenceText } from './needed-secret.js'
import classes from './secrets-needed.module.css'

/** What a server's references stand for in the viewer's own sessions, and what is to be done where nothing comes. Shows nothing for a server without any. */
export function SecretsNeeded({ server }: { server: ConnectedServer }) {
  const { data, problem } = useLiveQuery(IntegrationSecretsDocument, { variables: { id: server.id }, topics: ['secrets', 'entries'] })
  const needed = neededSecrets(data?.secretBindings ?? [])
  if (needed.length === 0 && problem === null) return null
  return (
    <Section title="Secrets it needs">
      <InlineError problem={problem} />
      <ul className={classes.needed}>{needed.map((one) => <li key={referenceText(one)}><Needed server={server} needed={one} /></li>)}</ul>
    </Section>
  )
}

function Needed({ server, needed }: { server: ConnectedServer; needed: NeededSecret }) {
  const viewer = useViewer()
  const [isOpen, setOpen] = useState(false)
  const { scope, name, places } = needed
  const isMine = scope === 'USER'
  const isReady = places.every(({ reason }) => reason === null)
  const isBound = places.every(({ bound }) => bound)
  const maySet = isMine || viewer.can('WRITE_SECRETS', server.owner)
  const mayAct = isMine || (isBound ? maySet : maySet && viewer.can('WRITE_ENTRIES', server.owner))
  const page = `/secrets/${isMine ? 'me' : scopeOf(server.owner, viewer.id)}/${name}`
  const label = isMine ? 'Connect your account' : isBound ? 'Set it' : 'Confirm where it goes'
  const reasons = [...new Set(places.flatMap(({ reason }) => (reason === null ? [] : [reason])))]
  return (
    <div className={classes.one}>
      <p className={classes.line}>
        <code><OutsideText>{referenceText(needed)}</OutsideText></code>
        <span>in {places.map(({ reference: { injectionPoint } }, at) => <span key={injectionPoint}>{at > 0 && ', '}<code><OutsideText>{injectionPoint}</OutsideText></code></span>)}</span>
        {isReady ? <Badge tone="good">ready</Badge> : isBound ? <Badge tone="warn">not set</Badge> : <Badge tone="warn">not confirmed</Badge>}
      </p>
      {isReady && <p className={classes.note}>{isMine ? 'Your account' : 'Its owner\'s'}; it goes to the place that was confirmed. {maySet && <Link to={page}>Look at it, or replace it</Link>}</p>}
      {reasons.map((reason) => <p key={reason}><OutsideText>{reason}</OutsideText></p>)}
      {!isReady && mayAct && <Button size="compact-md" onClick={() => setOpen(true)}>{label}</Button>}
      <Dialog isOpen={isOpen} onClose={() => setOpen(false)} title={isMine ? `Connect your account for ${server.name}` : `${name} for ${server.name}`}>
        <ConnectSecret server={server} needed={needed} owner={isMine ? { kind: 'USER' } : ownerOfScope(scopeOf(server.owner, viewer.id))!} onDone={() => setOpen(false)} />
      </Dialog>
    </div>
  )
}
