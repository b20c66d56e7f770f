import { type CopilotSession, type MessageOptions } from '@github/copilot-sdk'
import { type CopilotHandle } from './copilot-client.js'
import { type CopilotEvents } from './copilot-events.js'
import { within } from './within.js'

export interface StableHandleOptions {
  /** The SDK's object of the moment. */
  current: () => CopilotHandle
  events: CopilotEvents
  /** Runs before each message; what it cannot do must not keep the message back. */
  beforeSend: () => Promise<void>
}

const defaultTimeoutMs = 60_000

/**
 * One session object for the host's whole conversation. A resident resume makes a new object in the SDK and leaves the old
 * one deaf; this one hands everything to the object of the moment, keeps its subscriptions, and waits through the change.
 */
export function createStableHandle({ current, events, beforeSend }: StableHandleOptions): CopilotSession {
  const deliver = async (message: string | MessageOptions): Promise<string> => {
    const isFirst = events.beginTurn()
    try {
      // The two overloads take one argument each; the union of both is not one of them.
      return await current().send(message as MessageOptions)
    } catch (error) {
      if (isFirst) events.endTurn()
      throw error
    }
  }
  const refuse = () => Promise.reject(new Error("The session belongs to the catalog worker: close the worker's session, which disconnects this one."))
  const own: Partial<Record<string | symbol, unknown>> = {
    send: async (message: string | MessageOptions) => {
      await beforeSend()
      return deliver(message)
    },
    sendAndWait: async (message: string | MessageOptions, timeoutMs = defaultTimeoutMs) => {
      await beforeSend()
      // Not before: it would take the end of an earlier turn for its own.
      const idle = events.waitForIdle()
      // It can fail while the message is still being sent.
      idle.done.catch(() => {})
      try {
        await deliver(message)
        return await within(timeoutMs, idle.done, `Timeout after ${timeoutMs}ms waiting for session.idle`)
      } finally {
        idle.cancel()
      }
    },
    on: events.on,
    disconnect: refuse,
    [Symbol.asyncDispose]: refuse,
    // It is no promise; `await` asks, also before there is a session.
    then: undefined,
  }
  return new Proxy({} as CopilotSession, {
    get: (_, key) => {
      if (Object.hasOwn(own, key)) return own[key]
      const handle = current()
      const value: unknown = Reflect.get(handle, key)
      return typeof value === 'function' ? (value.bind(handle) as unknown) : value
    },
    has: (_, key) => Object.hasOwn(own, key) || Reflect.has(current(), key),
    set: () => false,
  })
}
