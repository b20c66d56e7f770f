import { randomBytes } from 'node:crypto'
import { type createKeyRing, type openValue, type sealValue } from '../src/secrets/envelope.js'
import { type FromSealer, type SealResult } from './plan.js'
import { spread } from './stats.js'

/**
 * Seals values and opens them, in a process of its own: as a server does for `putSecret` and for each value of a lease, without the database.
 * Usage: sealer.ts WARM-UP TIMES, both for every size
 */
interface Envelope {
  createKeyRing: typeof createKeyRing
  sealValue: typeof sealValue
  openValue: typeof openValue
}

/** As it is built: the loader that runs the bench wraps every function that it compiles. */
const envelope = await import(new URL('../dist/secrets/envelope.js', import.meta.url).href) as Envelope
const place = { owner: { kind: 'USER' as const, id: 'usr_0d3ac1f7f2b14c55a1d0c7b2' }, name: 'tickets-token', version: 3 }
/** A token, a key in PEM, and the most that is taken. */
const sizes = [40, 4_096, 65_536]

function measure(warmUp: number, times: number): SealResult {
  const keys = envelope.createKeyRing(randomBytes(32), [randomBytes(32), randomBytes(32)])
  const wrong = new Set<string>()
  const bySize = sizes.map((bytes) => {
    const taken: number[] = []
    for (let number = 0; number < warmUp + times; number++) {
      const value = randomBytes(bytes / 2).toString('hex')
      const begin = performance.now()
      // What is stored is JSON.
      const opened = envelope.openValue(keys, place, JSON.parse(JSON.stringify(envelope.sealValue(keys, place, value))))
      if (number >= warmUp) taken.push(1_000 * (performance.now() - begin))
      if (opened.kind !== 'OPEN' || opened.value !== value) wrong.add(`a value of ${bytes} bytes came back as another one`)
    }
    return { bytes, both: spread(taken) }
  })
  return { kind: 'SEAL', bySize, wrong: [...wrong] }
}

process.on('disconnect', () => process.exit(0))
const [warmUp, times] = process.argv.slice(2).map(Number)
process.send?.({ kind: 'SEALED', result: measure(warmUp!, times!) } satisfies FromSealer)
