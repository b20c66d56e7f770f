import { type AssistantMessageEvent, type CopilotSession, type SessionEvent, type SessionEventHandler } from '@github/copilot-sdk'
import { tellEach } from './tell-each.js'

export interface TurnListener {
  began: () => void
  ended: () => void
}

/** The end of what the session is busy with, for one caller. */
export interface IdleWait {
  /** The last message of the assistant, or undefined when it said nothing. Rejects with the error of the session. */
  done: Promise<AssistantMessageEvent | undefined>
  /** Nobody waits any more. */
  cancel: () => void
}

/** The events of one conversation, over all the SDK's session objects that it goes through. */
export interface CopilotEvents {
  /** For the SDK's `onEvent`: it is heard from the first moment of each new object, so that nothing is lost in between. */
  dispatch: SessionEventHandler
  on: CopilotSession['on']
  /** The next event of that kind. */
  next: <Type extends SessionEvent['type']>(type: Type, isWanted: (event: Extract<SessionEvent, { type: Type }>) => boolean) => { done: Promise<void>; cancel: () => void }
  /** A message is about to be sent. False: a turn runs already. */
  beginTurn: () => boolean
  /** The turn is over, and no event will say so. */
  endTurn: () => void
  isTurnRunning: () => boolean
  waitForIdle: () => IdleWait
  /** Nothing follows; whoever waits gets the error. */
  close: (error: Error) => void
}

interface Waiter {
  resolve: (message: AssistantMessageEvent | undefined) => void
  reject: (error: Error) => void
  lastMessage: AssistantMessageEvent | undefined
}

export function createCopilotEvents(turn: TurnListener): CopilotEvents {
  const handlers = new Set<SessionEventHandler>()
  const waiters = new Set<Waiter>()
  let isRunning = false

  const beginTurn = () => {
    if (isRunning) return false
    isRunning = true
    turn.began()
    return true
  }
  const endTurn = () => {
    if (isRunning) {
      isRunning = false
      turn.ended()
    }
    for (const waiter of waiters) waiter.resolve(waiter.lastMessage)
    waiters.clear()
  }
  const rejectAll = (error: Error) => {
    for (const waiter of waiters) waiter.reject(error)
    waiters.clear()
  }

  return {
    dispatch: (event) => {
      if (event.type === 'assistant.turn_start' && event.agentId === undefined) beginTurn()
      if (event.type === 'assistant.message') for (const waiter of waiters) waiter.lastMessage = event
      // Before the handlers: what waited for the end of the turn is under way when the host hears of it.
      if (event.type === 'session.error') rejectAll(Object.assign(new Error(event.data.message), { stack: event.data.stack }))
      // On autopilot the session goes on by itself.
      if (event.type === 'session.idle' && event.data.mode !== 'autopilot') endTurn()
      tellEach(handlers, event)
    },
    next: (type, isWanted) => {
      let resolve = () => {}
      const done = new Promise<void>((told) => { resolve = told })
      const handler: SessionEventHandler = (event) => { if (event.type === type && isWanted(event as never)) resolve() }
      handlers.add(handler)
      return { done, cancel: () => { handlers.delete(handler) } }
    },
    on: ((typeOrHandler: string | SessionEventHandler, handler?: (event: never) => void) => {
      const wanted: SessionEventHandler = typeof typeOrHandler === 'function'
        ? (event) => typeOrHandler(event)
        : (event) => { if (event.type === typeOrHandler) handler?.(event as never) }
      handlers.add(wanted)
      return () => { handlers.delete(wanted) }
    }),
    beginTurn,
    endTurn,
    isTurnRunning: () => isRunning,
    waitForIdle: () => {
      const waiter: Waiter = { resolve: () => {}, reject: () => {}, lastMessage: undefined }
      const done = new Promise<AssistantMessageEvent | undefined>((resolve, reject) => Object.assign(waiter, { resolve, reject }))
      waiters.add(waiter)
      return { done, cancel: () => { waiters.delete(waiter) } }
    },
    close: (error) => {
      rejectAll(error)
      endTurn()
      handlers.clear()
    },
  }
}
