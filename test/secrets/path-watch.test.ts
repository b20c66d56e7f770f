import { once } from 'node:events'
import { expect, it } from 'vitest'
import { createPathWatch } from '../../src/secrets/path-watch.js'

const hour = 3_600_000

/** Looks that end when they are told to. */
function slowLook() {
  const events = new EventTarget()
  let end = () => {}
  let [running, most] = [0, 0]
  return {
    most: () => most,
    look: () => {
      running += 1
      most = Math.max(most, running)
      events.dispatchEvent(new Event('look'))
      return new Promise<void>((resolve) => {
        end = () => {
          running -= 1
          resolve()
        }
      })
    },
    begun: () => once(events, 'look'),
    end: () => end(),
  }
}

it('a hint that comes during a look causes another one, however many came; looks never run side by side', async () => {
  const slow = slowLook()
  const paths = createPathWatch({ look: slow.look, everyMs: hour, changed: () => {} })
  const first = slow.begun()
  paths.watch(new Set(['a']))
  await first
  for (let times = 0; times < 10; times++) paths.hint()
  const second = slow.begun()
  slow.end()
  await second
  expect(slow.most()).toBe(1)
  const closed = paths.close()
  slow.end()
  await closed
})

it('hints while nothing is in use are not remembered, and keep no later one away', async () => {
  const slow = slowLook()
  const paths = createPathWatch({ look: slow.look, everyMs: hour, changed: () => {} })
  paths.hint()
  paths.watch(new Set(['a']))
  paths.watch(new Set())
  paths.hint()
  const begun = slow.begun()
  paths.watch(new Set(['b']))
  await begun
  slow.end()
  await paths.close()
})

it('tells once of each other value, never of the first, nor of one that is no longer in use', async () => {
  const changes: string[] = []
  const paths = createPathWatch({ look: async () => {}, everyMs: hour, changed: (path) => void changes.push(path) })
  for (const what of ['one', 'one', 'two', 'two', 'one']) paths.saw('a', what)
  expect(changes).toEqual(['a', 'a'])
  paths.watch(new Set(['b']))
  paths.saw('a', 'three')
  expect(changes).toHaveLength(2)
  await paths.close()
  paths.saw('a', 'four')
  expect(changes).toHaveLength(2)
})
