import { type Workbench } from './workbench.js'
import { deny } from './denial.js'
import { LeaseError, messageOf } from './errors.js'
import { giveUp } from './give-way.js'
import { retryDelayMs } from './retry-delay.js'
import { type Running, type Slot } from './slot.js'
import { attemptStart } from './starts.js'
import { passed } from './step.js'

/**
 * What the references stand for has changed, or whether they may be filled. Requests of what runs carry the new values from the answer on; a process is
 * started beside the one that runs, and takes its place. What starts, or could not, starts anew. Resolves when that is done, or has failed.
 */
export async function rotate(bench: Workbench, key: string, secretVersion: number | null): Promise<void> {
  const slot = bench.slots.get(key)
  if (slot === undefined) return
  slot.aim.secretVersion = secretVersion
  const { running, aim, outcome, attempt, body } = slot
  // The adapter is just taking what was started with the values of before, which cannot be called back.
  if (attempt?.gate != null) return attempt.done.catch(() => {}).then(() => rotate(bench, key, slot.aim.secretVersion))
  const isSettled = running !== null && attempt === null && running.aim.digest === aim.digest
  const mustStart = outcome === 'RUN' && body !== null && !isSettled
  await Promise.all([running === null ? undefined : renew(bench, slot, running), mustStart ? startAnew(bench, slot) : undefined])
}

function startAnew(bench: Workbench, slot: Slot): Promise<void> {
  giveUp(slot)
  slot.failures = 0
  return attemptStart(bench, slot)
}

/** Tried again until it is known; what runs goes on with what it has meanwhile, unless the catalog says no. */
async function renew(bench: Workbench, slot: Slot, running: Running): Promise<void> {
  slot.cancelRenewal()
  slot.renewals += 1
  const number = slot.renewals
  const isOvertaken = () => bench.slots.get(slot.aim.key) !== slot || slot.running !== running || slot.renewals !== number
  try {
    const renewal = await running.upstream?.renewSecrets?.()
    passed('secrets.renewed')
    if (isOvertaken()) return
    Object.assign(slot, { stale: null, failedRenewals: 0 })
    bench.onChange()
    if (renewal === 'NEEDS_START' && slot.attempt === null && running.aim.digest === slot.aim.digest && slot.body !== null) await startAnew(bench, slot)
  } catch (error) {
    if (isOvertaken()) return
    if (error instanceof LeaseError && error.failure === 'DENIED') return deny(bench, slot, error)
    // Once, it is a matter of who hears first of what is new.
    const isOutdated = error instanceof LeaseError && error.failure === 'OUTDATED'
    if (!isOutdated || slot.failedRenewals > 0) slot.stale = messageOf(error)
    slot.failedRenewals += 1
    bench.onChange()
    slot.cancelRenewal = bench.clock.after(retryDelayMs(slot.failedRenewals, bench.clock), () => void renew(bench, slot, running))
  }
}
