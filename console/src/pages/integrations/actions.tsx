import { Button } from '@mantine/core'
import { Link } from 'react-router'
import { type Done } from './done-notice.js'
import { EnableButton } from './enable-button.js'
import { type Integration } from './integration-detail.js'
import { RestoreButton } from './restore-button.js'
import { ShareButton } from './share-button.js'
import { WithdrawButton } from './withdraw-button.js'

/** What whoever may write it can do with it as a whole. */
export function Actions({ server, onDone }: { server: Integration; onDone: (done: Done) => void }) {
  const isRevoked = server.status === 'REVOKED'
  return (
    <>
      {isRevoked && <RestoreButton entry={server} onRestored={() => onDone({ text: 'Asked for: it waits for the approval of somebody else.', receiptId: null, undo: null })} />}
      {!isRevoked && <Button component={Link} to="edit" variant="default">Change</Button>}
      {!isRevoked && <ShareButton server={server} onDone={onDone} />}
      {!isRevoked && (server.enabled ? <WithdrawButton act="DISABLE" server={server} onDone={onDone} /> : <EnableButton server={server} onDone={onDone} />)}
      {!isRevoked && <WithdrawButton act="REVOKE" server={server} onDone={onDone} />}
      <WithdrawButton act="DELETE" server={server} onDone={onDone} />
    </>
  )
}
