import { TransformStream } from 'node:stream/web'
import { RefusedError } from './errors.js'

/** Bytes of one message: as many as the SDK takes of a process in one line. Results with files in them have some. */
export const mostMessageBytes = 10 * 1024 * 1024

const newline = 0x0a
const carriageReturn = 0x0d

/**
 * The same response with a bound on each message in it. The SDK gathers an answer as a whole before anybody looks at it, so a server that never ends
 * one would fill the worker's memory, for all of its sessions. Counted after decompression. A stream of events may go on for as long as it likes.
 * @throws RefusedError while the body is read; the connection ends then
 */
export function boundedResponse(response: Response, most = mostMessageBytes): Response {
  const { body, status, statusText, headers } = response
  if (body === null) return response
  const isStream = /^text\/event-stream\b/i.test(headers.get('content-type') ?? '')
  const isOver = isStream ? eventCounter(most) : byteCounter(most)
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      if (isOver(chunk)) throw new RefusedError(`It sent more than ${most} bytes in one message.`)
      controller.enqueue(chunk)
    },
  })
  return new Response(body.pipeThrough(counted as ReadableWritablePair<Uint8Array, Uint8Array>), { status, statusText, headers: new Headers([...headers]) })
}

function byteCounter(most: number): (chunk: Uint8Array) => boolean {
  let bytes = 0
  return ({ length }) => (bytes += length) > most
}

/** An event ends with an empty line; lines end with LF, CR or both. */
function eventCounter(most: number): (chunk: Uint8Array) => boolean {
  let bytes = 0
  let [isLineEmpty, last] = [true, 0]
  return (chunk) => {
    for (const byte of chunk) {
      bytes += 1
      const isPair = byte === newline && last === carriageReturn
      if ((byte === newline && !isPair) || byte === carriageReturn) {
        if (isLineEmpty) bytes = 0
        isLineEmpty = true
      } else if (!isPair) isLineEmpty = false
      last = byte
      if (bytes > most) return true
    }
    return false
  }
}
