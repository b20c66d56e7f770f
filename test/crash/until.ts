import { setTimeout as delay } from 'node:timers/promises'
import { CatalogRequestError } from '../../src/client/index.js'

/** After so long nothing is "soon" any more. */
export const patienceMs = 60_000

/** Asks again until there is no problem; whoever waits in vain hears of the last ones. */
export async function until(look: () => Promise<string[]>, deadline = performance.now() + patienceMs): Promise<string[]> {
  for (;;) {
    const problems = await look().catch((error: unknown) => [`not answered: ${codeOf(error)} ${error instanceof Error ? error.message : ''}`])
    if (problems.length === 0 || performance.now() > deadline) return problems
    await delay(20)
  }
}

export const codeOf = (error: unknown) => (error instanceof CatalogRequestError ? error.code : String(error))
