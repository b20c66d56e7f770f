import { type ServerResponse } from 'node:http'
import { type WebSocket } from 'ws'

/** Requests that are being answered. */
export interface InFlight {
  add: (response: ServerResponse) => void
  size: () => number
  /** Resolves when all are answered, at the latest after `timeoutMs`. Their connections end with them. */
  finish: (timeoutMs: number) => Promise<void>
}

export function createInFlight(): InFlight {
  const open = new Set<ServerResponse>()
  let emptied = () => {}
  return {
    add: (response) => {
      open.add(response)
      response.once('close', () => {
        open.delete(response)
        if (open.size === 0) emptied()
      })
    },
    size: () => open.size,
    finish: async (timeoutMs) => {
      for (const response of open) if (!response.headersSent) response.setHeader('connection', 'close')
      if (open.size === 0) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs)
        emptied = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    },
  }
}

/**
 * Everybody comes back at a moment of their own, and the more there are, the wider they are spread: a node takes about four returns in a millisecond, so
 * half a millisecond for each leaves it half idle.
 * @param chance from 0 to 1
 */
export function retryHint(sockets: number, chance: number): string {
  return `retry in ${Math.round(chance * Math.max(2_000, sockets / 2))} ms`
}

/** The reason of a 1012. */
export function restartReason(sockets: number, chance: number): string {
  return `Restarting; ${retryHint(sockets, chance)}`
}

/** Resolves when a socket that was told to close has done so; one that does not answer within a second is cut off. */
export function closedOrTerminated(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.terminate(), 1_000)
    socket.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
