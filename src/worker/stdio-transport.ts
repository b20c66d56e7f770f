import { ReadBuffer, serializeMessage } from '@modelcontextprotocol/sdk/shared/stdio.js'
import { type Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { type ProcessGroup } from './process-group.js'
import { passed } from './step.js'

/** A transport of the SDK whose process is a group of its own. */
export interface StdioGroupTransport extends Transport {
  /** Why there is no connection, as far as the process tells; null when it runs. */
  failure: () => string | null
}

/** Nothing of the message left this process, so it may be sent again. */
export class NotSentError extends Error {
  override readonly name = 'NotSentError'
}

const afterExitMs = 200

/**
 * The SDK's own stdio transport signals only its child, so what that child started (npx, shells) would stay behind, and
 * it adds variables of this process to the child's environment. This one ends the whole group and adds nothing.
 * @param graceMs milliseconds between SIGTERM and SIGKILL
 * @param startProcess called once, when the transport starts; nothing is left of it when it rejects
 */
export function createStdioTransport(graceMs: number, startProcess: () => Promise<ProcessGroup>): StdioGroupTransport {
  const buffer = new ReadBuffer()
  let group: ProcessGroup | null = null
  let closing: Promise<void> | null = null

  const readAll = () => {
    for (;;) {
      try {
        const message = buffer.readMessage()
        if (message === null) return
        transport.onmessage?.(message)
      } catch (error) {
        // A line that is no message, e.g. a greeting; the line is consumed.
        transport.onerror?.(error as Error)
      }
    }
  }
  let starting: Promise<ProcessGroup> | null = null
  const stop = async () => {
    // Given up while it starts: there is a process already, and nobody else would end it.
    await starting?.catch(() => {})
    try {
      await group?.stop(graceMs)
    } finally {
      buffer.clear()
      transport.onclose?.()
    }
  }
  const close = () => {
    closing ??= stop()
    // Whoever ends it hears what survives; when it ends by itself nobody listens.
    closing.catch(() => {})
    return closing
  }
  const transport: StdioGroupTransport = {
    failure: () => {
      const ended = group?.ended() ?? null
      return ended === null ? null : `the process ${ended}${group!.stderrTail() === '' ? '' : `; it said: ${group!.stderrTail().trim()}`}`
    },
    start: async () => {
      starting = startProcess().then((started) => (group = started))
      group = await starting
      passed('process.started')
      if (closing !== null) throw new Error('the connection was closed')
      group.child.stdout.on('data', (chunk: Buffer) => {
        try {
          buffer.append(chunk)
        } catch (error) {
          // More than the buffer holds without a line end: nothing sensible can follow.
          transport.onerror?.(error as Error)
          void close()
          return
        }
        readAll()
      })
      // 'close' comes once the pipes are read to their end; with 'exit' alone a last answer would be lost. But a
      // grandchild can hold the pipes open, so after 'exit' the rest is not waited for long.
      group.child.once('close', () => void close())
      const afterExit = () => { setTimeout(() => void close(), afterExitMs).unref() }
      if (group.ended() === null) group.child.once('exit', afterExit)
      else afterExit()
    },
    send: async (message) => {
      const stdin = group?.child.stdin
      if (stdin === undefined || closing !== null || !stdin.writable) throw new NotSentError(transport.failure() ?? 'the process is not running')
      await new Promise<void>((resolve, reject) => {
        stdin.write(serializeMessage(message), (error) => (error ? reject(error) : resolve()))
      })
    },
    close,
  }
  return transport
}
