import { Button } from '@mantine/core'
import { Link, useParams } from 'react-router'
import { ownerOfScope } from '../../data/scope.js'
import { useViewer } from '../../data/viewer.js'
import { type OwnerInput } from '../../generated/graphql.js'
import { Badge } from '../../parts/badge.js'
import { CliLine } from '../../parts/code-block.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { ListDetail } from '../../parts/list-detail.js'
import { OutsideText } from '../../parts/outside-text.js'
import { OwnerSwitch } from '../../parts/owner-switch.js'
import { PageHeader } from '../../parts/page-header.js'
import { Redirect } from '../../parts/redirect.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { RowLink } from '../../parts/row-link.js'
import { VirtualList } from '../../parts/virtual-list.js'
import { listSecretsLine } from './secret-lines.js'
import { mayWrite, type Secret, useSecrets } from './use-secrets.js'
import classes from './secrets.module.css'

export function SecretList() {
  const { scope = 'me' } = useParams()
  const owner = ownerOfScope(scope)
  if (owner === null) return <Redirect to="/secrets/me" />
  return <ListDetail list={<Listed scope={scope} owner={owner} />} nothingOpen={<EmptyState title="Choose a secret">Who set it and what uses it is shown here, and never its value.</EmptyState>} />
}

function Listed({ scope, owner }: { scope: string; owner: OwnerInput }) {
  const viewer = useViewer()
  const { name: openName } = useParams()
  const { secrets, problem, isLoading, refresh } = useSecrets(owner)
  const add = mayWrite(viewer, owner) ? <Button component={Link} to={`/secrets/${scope}/+new`}>Add a secret</Button> : null
  return (
    <>
      <PageHeader title="Secrets" actions={add} />
      <div className={classes.whose}><OwnerSwitch action="READ_SECRETS" path="/secrets" scope={scope} /></div>
      <InlineError problem={problem} retry={refresh} />
      <p role="status" className={classes.count}>{isLoading ? 'Loading…' : `${secrets.length} ${secrets.length === 1 ? 'secret' : 'secrets'}`}</p>
      {secrets.length > 0 && (
        <VirtualList items={secrets} label="Secrets" keyOf={({ id }) => id} rowHeight={64} narrowRowHeight={88}>
          {(secret) => <SecretRow secret={secret} isOpen={secret.name === openName} />}
        </VirtualList>
      )}
      {!isLoading && problem === null && secrets.length === 0 && (
        <EmptyState title="No secret yet">
          {add === null
            ? <p>Its maintainers and admins set them.</p>
            : <p>Add one, and write <code>{scope === 'me' ? '${user:NAME}' : '${secret:NAME}'}</code> in a header or variable of an MCP server, where its value belongs.</p>}
        </EmptyState>
      )}
      <div className={classes.cli}><CliLine line={listSecretsLine(scope)} label="The list with the CLI" /></div>
    </>
  )
}

function SecretRow({ secret: { name, provider, version, updatedAt, updatedBy, usedBy }, isOpen }: { secret: Secret; isOpen: boolean }) {
  return (
    <RowLink
      to={name} isOpen={isOpen} name={name}
      badges={<>{provider !== 'sealed' && <Badge title="Its value is kept outside">{provider}</Badge>}<Badge>version {version}</Badge></>}
    >
      set by <OutsideText>{updatedBy.displayName}</OutsideText>, <RelativeTime at={updatedAt} />; used by {usedBy.length === 0 ? 'nothing' : usedBy.length}
    </RowLink>
  )
}
