import { type Workbench } from './workbench.js'
import { stop } from './endings.js'
import { type LeaseError } from './errors.js'
import { giveUp } from './give-way.js'
import { createSlot, type Slot } from './slot.js'

/**
 * The catalog says that the values may not be had, or not any more: nothing carries them from now on, an earlier revision neither (S24). Time does not
 * help, so it is tried again when the catalog tells something new. Resolves when what ran has ended.
 */
export async function deny(bench: Workbench, slot: Slot, { message }: LeaseError): Promise<void> {
  const { aim, body, outcome, order, waiting, survivor, running } = slot
  if (bench.slots.get(aim.key) !== slot) return
  const denied = { state: 'FAILED' as const, reason: message, isAwaitingNews: true }
  const isServing = running !== null || survivor !== null || [...bench.retiring.keys()].some((one) => one.aim.key === aim.key && one.aim.entryId === aim.entryId)
  if (!isServing && slot.attempt === null) {
    giveUp(slot)
    Object.assign(slot, denied)
    return bench.onChange()
  }
  const ended = stop(bench, aim.key, { mode: 'IMMEDIATE', deadlineSeconds: 0, reason: message }, aim.position)
  bench.slots.set(aim.key, Object.assign(createSlot(aim, body, outcome, order), denied, { waiting }))
  bench.onChange()
  // Whatever went wrong in it is told by whoever tracks it.
  await ended.catch(() => {})
}
