import { createContext } from 'react'
import { NavigationType, parsePath, type To, UNSAFE_createBrowserHistory } from 'react-router'

type History = ReturnType<typeof UNSAFE_createBrowserHistory>

/** Where a link, a call or the browser's buttons would lead. */
export interface Step {
  pathname: string
  state: unknown
  /** Back or forward, to a page that was there before. */
  isThroughHistory: boolean
}

export interface Guard {
  isToAsk: (step: Step) => boolean
  /** `go`: takes the step after all. */
  ask: (go: () => void) => void
}

export interface AskingHistory extends History {
  /** Asked before each step; there is one at a time. @returns ends it */
  guard: (guard: Guard) => () => void
}

export const AskingHistoryContext = createContext<AskingHistory | null>(null)

/**
 * The browser's history, which a page can have ask before it is left. The router that brings this along, for routes with loaders, is larger than all else of it together.
 * A step through history has been taken when one hears of it: it is taken back, and once more when the answer is to go.
 */
export function createAskingHistory(history: History = UNSAFE_createBrowserHistory({ v5Compat: true })): AskingHistory {
  let guard: Guard | null = null
  let onTakenBack: (() => void) | null = null
  let isAllowed = false

  function isAsked(step: Step, go: () => void): boolean {
    if (guard === null || !guard.isToAsk(step)) return false
    guard.ask(go)
    return true
  }

  function move(to: To, state: unknown, go: () => void): void {
    const { pathname = history.location.pathname } = typeof to === 'string' ? parsePath(to) : to
    if (!isAsked({ pathname, state, isThroughHistory: false }, go)) go()
  }

  return {
    get action() { return history.action },
    get location() { return history.location },
    createHref: (to) => history.createHref(to),
    createURL: (to) => history.createURL(to),
    encodeLocation: (to) => history.encodeLocation(to),
    go: (delta) => history.go(delta),
    push: (to, state: unknown) => move(to, state, () => history.push(to, state)),
    replace: (to, state: unknown) => move(to, state, () => history.replace(to, state)),
    listen: (tell) => history.listen((update) => {
      const { action, location, delta } = update
      if (action !== NavigationType.Pop) return tell(update)
      if (onTakenBack !== null) {
        onTakenBack()
        onTakenBack = null
        return
      }
      const wasAllowed = isAllowed
      isAllowed = false
      // Of what somebody wrote into the address there is no distance, and so no way back.
      if (wasAllowed || !delta) return tell(update)
      let takenBack = () => {}
      const isBack = new Promise<void>((resolve) => { takenBack = resolve })
      const goAgain = () => void isBack.then(() => {
        isAllowed = true
        history.go(delta)
      })
      if (!isAsked({ pathname: location.pathname, state: location.state as unknown, isThroughHistory: true }, goAgain)) return tell(update)
      onTakenBack = takenBack
      history.go(-delta)
    }),
    guard: (next) => {
      guard = next
      return () => { if (guard === next) guard = null }
    },
  }
}
