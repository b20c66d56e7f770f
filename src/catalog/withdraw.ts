import { targetOf } from '../core/block.js'
import { type Entry, isRevoked, type RevocationMode } from '../core/entry.js'
import { invalid } from '../core/errors.js'
import { freeText, parseInput } from '../core/parse.js'
import { parseWithdrawal, type WithdrawalVerb } from '../core/withdrawal.js'
import { type Tx } from '../db/client.js'
import { lockEntry, tombstoneEntries } from '../db/entry.js'
import { putEntries } from '../db/entry-commit.js'
import { writableEntry } from './authorize.js'
import { commit, type Committed } from './commit.js'
import { actorOf, type CatalogContext } from './context.js'
import { openReceipt } from './open-receipt.js'
import { lastRevocationOf, type Withdrawn } from './receipt.js'
import { atRevision, changeEntry, judged, nextRevision, tombstoned, updated } from './entry.js'
import { type Written } from './writer.js'

export interface WithdrawInput {
  id: string
  /** How sessions lose it; default DRAIN for a disable, else IMMEDIATE. */
  mode?: RevocationMode | null
  /** 1 to 3,600; default 30. */
  deadlineSeconds?: number | null
}

/** @throws CatalogError as `updateMcpServer`; INVALID_INPUT when a mode is given and nothing is disabled */
export async function setEntryEnabled(context: CatalogContext, input: WithdrawInput & { expectedRevision: number; enabled: boolean }): Promise<Committed<Withdrawn>> {
  if (!input.enabled) {
    return withdraw(context, 'DISABLE', input, 'It was disabled.', (before) => nextRevision(context, before, { enabled: false }) ?? before)
  }
  const [said] = (['mode', 'deadlineSeconds'] as const).filter((field) => (input[field] ?? null) !== null)
  if (said !== undefined) throw invalid(said, 'Nothing is taken from sessions when an entry is enabled.', `Leave ${said} out, or set enabled to false.`)
  const { result, cursor } = await changeEntry(context, { target: input, action: 'entry.enable', decide: () => () => ({ enabled: true }) })
  return { result: { entry: result.after, revocationId: null }, cursor }
}

/** A tombstone: revisions and audit stay stored, the name is free at once. What was revoked with it stays revoked. */
export function deleteEntry(context: CatalogContext, input: WithdrawInput & { expectedRevision: number }): Promise<Committed<Withdrawn>> {
  return withdraw(context, 'DELETE', input, 'It was deleted.', () => null)
}

/**
 * Takes it out of every set for good: it, its content, and where it is reached are refused to its owner under any name until it is
 * restored and approved. An entry that is revoked stays as it is, unless its sessions are drained and
 * shall now lose it at once; one that was restored is revoked as it was the first time.
 * @throws CatalogError NOT_FOUND, FORBIDDEN, INVALID_INPUT
 */
export async function revokeEntry(context: CatalogContext, input: WithdrawInput & { reason: string }): Promise<Committed<Withdrawn>> {
  const reason = parseInput(freeText(1_000, 1), input.reason, 'reason')
  const { mode } = parseWithdrawal('REVOKE', input)
  return withdraw(context, 'REVOKE', input, reason, async (before, tx) => {
    const isHastened = isRevoked(before) && mode === 'IMMEDIATE' && (await lastRevocationOf(tx, before.id))?.mode === 'DRAIN'
    if (isRevoked(before) && !isHastened) return before
    const [at, by] = [context.now().toISOString(), actorOf(context.principal)]
    // What was blocked first stays blocked, by whoever did it: a later revocation only ends the restoration.
    const revoked = before.revoked ?? { at, by, reason, digest: before.digest, target: targetOf(before.kind, before.definition) }
    return { ...before, revision: before.revision + 1, updatedAt: at, updatedBy: by, revoked: { ...revoked, restored: null }, approval: null }
  })
}

/**
 * In a transaction of its own, with its receipt: what a revocation decides, all others have to see (`altersRights`).
 * @param plan what it becomes: itself when nothing changes, null for a tombstone
 */
function withdraw(
  context: CatalogContext, verb: WithdrawalVerb, input: WithdrawInput & { expectedRevision?: number }, reason: string,
  plan: (before: Entry, tx: Tx) => Entry | null | Promise<Entry | null>,
): Promise<Committed<Withdrawn>> {
  const withdrawal = parseWithdrawal(verb, input)
  return commit(context, actorOf(context.principal), async () => {
    const { id } = await writableEntry(context, input.id)
    return async (tx): Promise<Written<Withdrawn>> => {
      const before = atRevision(await lockEntry(tx, id), input)
      const after = await plan(before, tx)
      const entry = after === null ? null : judged(context, after)
      if (after === before) return { changes: [], result: { entry, revocationId: verb === 'REVOKE' ? (await lastRevocationOf(tx, id))?.id ?? null : null } }
      if (after === null) await tombstoneEntries(tx, [id], context.now())
      else await putEntries(tx, [after])
      // What was in nobody's set is taken from nobody by disabling it; the others are asked for by name.
      const isTaken = verb !== 'DISABLE' || judged(context, before).status === 'ACTIVE'
      const revision = after?.revision ?? before.revision
      const revocationId = isTaken ? await openReceipt(context, tx, { entry: before, verb, withdrawal, revision, reason, takesFrom: null }) : null
      const change = after === null ? tombstoned(context, before, withdrawal) : updated(context, before, after, verb === 'DISABLE' ? 'entry.disable' : 'entry.revoke', withdrawal)
      return { changes: [change], result: { entry, revocationId } }
    }
  })
}
