import { Button } from '@mantine/core'
import { Link } from 'react-router'
import { type Done } from '../../entries/done-notice.js'
import { EntryActs } from '../../entries/entry-acts.js'
import { type Integration } from './integration-detail.js'
import { ShareButton } from '../../entries/share-button.js'

/** What whoever may write it can do with it as a whole. */
export function Actions({ server, onDone }: { server: Integration; onDone: (done: Done) => void }) {
  const isRevoked = server.status === 'REVOKED'
  return (
    <>
      {!isRevoked && <Button component={Link} to="edit" variant="default">Change</Button>}
      {!isRevoked && <ShareButton entry={{ ...server, kind: 'MCP_SERVER' }} onDone={onDone} />}
      <EntryActs entry={server} onDone={onDone} />
    </>
  )
}
