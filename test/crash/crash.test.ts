import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { serverSteps } from '../../src/db/step.js'
import { workerSteps } from '../../src/worker/step.js'
import { root } from '../support/process.js'
import { shared } from '../support/shared.js'
import { readTree } from '../support/tidy.js'
import { type Cell, runCell, unharmed } from './cell.js'
import { createWorld } from './world.js'

describe('S17: the names of steps', () => {
  const sources = readTree().filter(({ path }) => path.startsWith('src/') && !path.endsWith('/step.ts'))

  it.each([
    ['server', Object.keys(serverSteps), (path: string) => !path.startsWith('src/worker/')],
    ['worker', Object.keys(workerSteps), (path: string) => path.startsWith('src/worker/')],
  ])('of the %s are all passed somewhere, and no name that the list lacks', (_, names, isOfSide) => {
    const passed = sources.filter(({ path }) => isOfSide(path)).flatMap(({ path }) => [...readFileSync(root + path, 'utf8').matchAll(/\bpassed\('([\w.]+)'\)/g)].map(([, name]) => name))
    expect([...new Set(passed)].sort()).toEqual([...names].sort())
  })
})

/** A few of the cells of `npm run crash`, which kills everybody at every step. */
describe('S17: a revocation during which something is killed', () => {
  const { world } = shared({ world: createWorld })

  it('passes its steps in order when nothing is', async () => {
    const passed = await unharmed(world, 'revoke')
    const inOrder = (side: Cell['side'], ...order: string[]) => {
      expect(passed.filter((one) => one.side === side && order.includes(one.step)).map(({ step }) => step)).toEqual(order)
    }
    inOrder('server', 'change.decided', 'change.begun', 'entry.locked', 'entry.written', 'head.locked', 'receipt.written', 'change.sealed', 'change.committed', 'change.told', 'change.settled')
    inOrder('worker', 'event.heard', 'gate.closed', 'server.ended')
    expect(passed).toContainEqual({ side: 'server', step: 'receipt.brought' })
  }, 120_000)

  it.each<[Cell['victim'], Cell['side'], string, string]>([
    ['server', 'server', 'change.sealed', 'old'], ['server', 'server', 'change.committed', 'new'],
    ['Postgres', 'server', 'receipt.written', 'old'], ['worker', 'worker', 'gate.closed', 'new'],
  ])('is seen as it was or as it is to be, and ends by itself: the %s is killed at the %s\'s step %s', async (victim, side, step, seen) => {
    expect(await runCell(world, { flow: 'revoke', side, step, victim })).toMatchObject({ seen, problems: [] })
  }, 120_000)
})
