import { afterAll, beforeAll, onTestFinished } from 'vitest'

interface Closable {
  close: () => Promise<unknown>
}

/**
 * What all tests of a file or a `describe` use: started together before the first of them, closed after the last. Each name
 * stands for the thing that was started, so it can be taken out at once and used from the first test on.
 */
export function shared<Things extends Record<string, Closable>>(start: { [Name in keyof Things]: () => Promise<Things[Name]> }): Things {
  const started = new Map<string, Closable>()
  beforeAll(() => Promise.all(Object.entries<() => Promise<Closable>>(start).map(async ([name, startOne]) => started.set(name, await startOne()))))
  afterAll(() => Promise.all([...started.values()].map((thing) => thing.close())))
  return Object.fromEntries(Object.keys(start).map((name) => [name, standIn(name, started)])) as Things
}

function standIn(name: string, started: ReadonlyMap<string, Closable>): object {
  return new Proxy({}, {
    get: (_, key) => {
      const thing = started.get(name)
      if (thing === undefined) throw new Error(`${name} is started before the first test, not before`)
      const value: unknown = Reflect.get(thing, key)
      return typeof value === 'function' ? value.bind(thing) as unknown : value
    },
  })
}

/** Closes it after the test that runs; what was opened last is closed first. */
export function closing<Thing extends Closable>(thing: Thing): Thing {
  onTestFinished(async () => { await thing.close() })
  return thing
}
