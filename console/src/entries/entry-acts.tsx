import { type ActedOn } from './acted-on.js'
import { type Done } from './done-notice.js'
import { EnableButton } from './enable-button.js'
import { RestoreButton } from './restore-button.js'
import { WithdrawButton } from './withdraw-button.js'

/** What takes an entry from sessions, and gives it back. */
export function EntryActs({ entry, onDone }: { entry: ActedOn; onDone: (done: Done) => void }) {
  const isRevoked = entry.status === 'REVOKED'
  return (
    <>
      {isRevoked && <RestoreButton entry={entry} onRestored={() => onDone({ text: 'Asked for: it waits for the approval of somebody else.', receiptId: null, undo: null })} />}
      {!isRevoked && (entry.enabled ? <WithdrawButton act="DISABLE" entry={entry} onDone={onDone} /> : <EnableButton entry={entry} onDone={onDone} />)}
      {!isRevoked && <WithdrawButton act="REVOKE" entry={entry} onDone={onDone} />}
      <WithdrawButton act="DELETE" entry={entry} onDone={onDone} />
    </>
  )
}
