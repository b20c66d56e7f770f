import { useNavigate } from 'react-router'
import { type Problem } from '../data/problem.js'
import { useAction } from '../data/use-action.js'
import { DeleteEntryDocument, type RevocationMode, RevokeEntryDocument, SetEntryEnabledDocument } from '../generated/graphql.js'
import { actTopics, type Done, undoBy } from './done-notice.js'

export type Act = 'DISABLE' | 'REVOKE' | 'DELETE'

export interface Terms {
  mode: RevocationMode
  deadlineSeconds: number
  /** Of a revocation. */
  reason: string
}

export interface Withdraw {
  /** @returns whether it was done; else `problem` says why not */
  withdraw: (terms: Terms) => Promise<boolean>
  isRunning: boolean
  problem: Problem | null
}

/** Takes an entry from sessions. What is gone for good leads to its receipt; what can be enabled again stays open, with the way back. */
export function useWithdraw(act: Act, { id, revision }: { id: string; revision: number }, onDone: (done: Done) => void): Withdraw {
  const navigate = useNavigate()
  const disabling = useAction(SetEntryEnabledDocument, actTopics)
  const revoking = useAction(RevokeEntryDocument, actTopics)
  const deleting = useAction(DeleteEntryDocument, actTopics)

  const withdraw = async ({ reason, ...terms }: Terms) => {
    if (act === 'DISABLE') {
      const answer = await disabling.run({ input: { id, expectedRevision: revision, enabled: false, ...terms } })
      if (answer === null) return false
      const { entry, revocation } = answer.setEntryEnabled
      onDone({
        text: revocation === null || revocation === undefined ? 'Disabled.' : `Disabled: ${revocation.targetCount} ${revocation.targetCount === 1 ? 'session loses' : 'sessions lose'} it.`,
        receiptId: revocation?.id ?? null,
        undo: undoBy(SetEntryEnabledDocument, { input: { id, expectedRevision: entry.revision, enabled: true } }, 'Undo: enable it', 'Enabling…'),
      })
      return true
    }
    const receiptId = act === 'REVOKE'
      ? (await revoking.run({ input: { id, reason, ...terms } }))?.revokeEntry.revocation.id
      : (await deleting.run({ input: { id, expectedRevision: revision, ...terms } }))?.deleteEntry.revocation.id
    if (receiptId === undefined) return false
    void navigate(`/revocations/${receiptId}`)
    return true
  }

  const { isRunning, problem } = { DISABLE: disabling, REVOKE: revoking, DELETE: deleting }[act]
  return { withdraw, isRunning, problem }
}
