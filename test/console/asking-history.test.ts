import { UNSAFE_createMemoryHistory as createMemoryHistory } from 'react-router'
import { describe, expect, it } from 'vitest'
import { createAskingHistory, type Step } from '../../console/src/parts/asking-history.js'

/** Somebody at /c, who came there by /a and /b; what the router was told of, and what was asked. */
function atC(isToAsk: (step: Step) => boolean = () => true) {
  const history = createAskingHistory(createMemoryHistory({ initialEntries: ['/a', '/b', '/c'], v5Compat: true }))
  const [told, asked]: [string[], Step[]] = [[], []]
  let go = () => {}
  history.listen(({ location }) => void told.push(location.pathname))
  const end = history.guard({ isToAsk: (step) => { asked.push(step); return isToAsk(step) }, ask: (next) => { go = next } })
  return { history, told, asked, end, go: async () => { go(); await Promise.resolve() } }
}

describe('a history that asks', () => {
  it.each([
    ['a link', (to: ReturnType<typeof atC>) => to.history.push('/d?x=1', { isSaved: true }), '/d', false],
    ['a link in place of the page', (to: ReturnType<typeof atC>) => to.history.replace({ pathname: '/d' }, { isSaved: true }), '/d', false],
    ['a step back', (to: ReturnType<typeof atC>) => to.history.go(-1), '/b', true],
    ['two steps back', (to: ReturnType<typeof atC>) => to.history.go(-2), '/a', true],
  ])('holds %s until it is let go', async (_, leave, pathname, isThroughHistory) => {
    const at = atC()
    leave(at)
    expect([at.told, at.history.location.pathname]).toEqual([[], '/c'])
    expect(at.asked).toMatchObject([{ pathname, isThroughHistory, ...!isThroughHistory && { state: { isSaved: true } } }])
    await at.go()
    expect([at.told, at.history.location.pathname, at.asked.length]).toEqual([[pathname], pathname, 1])
  })

  it('asks again for the next step, whether the last one was taken or not', async () => {
    const at = atC()
    at.history.go(-1)
    at.history.go(-2)
    expect(at.asked.map(({ pathname }) => pathname)).toEqual(['/b', '/a'])
    await at.go()
    at.history.go(1)
    expect([at.told, at.history.location.pathname, at.asked.length]).toEqual([['/a'], '/a', 3])
  })

  it('is in nobody\'s way where nothing is to be asked, and when the page is gone', () => {
    const at = atC(({ pathname }) => pathname !== '/b')
    at.history.go(-1)
    at.end()
    at.history.go(-1)
    at.history.push('/d')
    expect(at.told).toEqual(['/b', '/a', '/d'])
  })
})
