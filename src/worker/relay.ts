import { type IncomingMessage, type ServerResponse } from 'node:http'
import { type SessionRelay } from './adapter.js'
import { findBySecret, isOwnRequest, partsOf } from './relay-door.js'
import { refuse, type RelayListener, startRelayListener } from './relay-http.js'
import { createRelaySession, type RelaySession } from './relay-session.js'
import { type OnUnknownTool } from './relay-surface.js'

/** The worker's MCP server on loopback. It listens for as long as a session has endpoints on it. */
export interface Relay {
  /**
   * @param onUnknownTool told of refused calls by their public names. Default: nobody
   * @throws when loopback cannot be listened on
   */
  open: (onUnknownTool?: OnUnknownTool) => Promise<SessionRelay>
}

export function createRelay(): Relay {
  const sessions = new Set<RelaySession>()
  let listener: Promise<RelayListener> | null = null
  let held = 0

  const handle = async (request: IncomingMessage, response: ServerResponse, port: number) => {
    const target = request.url ?? ''
    if (!isOwnRequest({ target, rawHeaders: request.rawHeaders }, port)) return refuse(response, 403)
    const parts = partsOf(target)
    const session = parts === null ? null : findBySecret(sessions, parts.secret)
    if (parts === null || session === null) return refuse(response, 404)
    return session.handle(parts.segment, request, response)
  }
  /** The next session after the last one gets a listener, and a port, of its own. */
  const release = async () => {
    held -= 1
    if (held > 0) return
    const last = listener
    listener = null
    await (await last?.catch(() => null))?.close()
  }
  return {
    open: async (onUnknownTool = () => {}) => {
      held += 1
      try {
        const { port } = await (listener ??= startRelayListener(handle))
        const onClosed = () => {
          sessions.delete(session)
          return release()
        }
        const session = createRelaySession({ port, onUnknownTool, onClosed })
        sessions.add(session)
        return session
      } catch (error) {
        await release()
        throw error
      }
    },
  }
}

/** The relay as one session has it: opened when first asked for, ended with the session and never opened after it. */
export function relayForSession(relay: Relay, onUnknownTool?: OnUnknownTool): { open: () => Promise<SessionRelay>; close: () => Promise<void> } {
  let opened: Promise<SessionRelay> | null = null
  let isClosed = false
  return {
    open: () => (isClosed ? Promise.reject(new Error('the session is closed')) : opened ??= relay.open(onUnknownTool)),
    close: async () => {
      isClosed = true
      await (await opened?.catch(() => null))?.close()
    },
  }
}
