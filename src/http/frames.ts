import { type Socket } from 'node:net'
import { WebSocket } from 'ws'
import { type Encoded } from '../feed/fan-out.js'

/** The frames of some events for ids of one length: all alike but for the id. */
interface Template {
  id: string
  bytes: Buffer
  /** Where the id stands, once for each event. */
  places: number[]
}

/** By what is written: the list that a whole group shares, or the one event that several groups share. */
const templates = new WeakMap<object, Map<number, Template>>()

/**
 * Writes events to sockets as `next` messages of `graphql-transport-ws` around results that were encoded once for everybody, in ready-made WebSocket
 * frames; the send of `ws` would build a header and two writes for each. Frames for ids of one length differ in the id alone, so it is put into
 * the one buffer right before each write. A write that the network takes at once is over when it returns; one that has to wait keeps the buffer,
 * and the next socket gets a copy.
 * @returns writes events and answers how many bytes that were; 0 for a socket that is closing
 */
export function createFrameWriter(socket: WebSocket, id: string): (events: readonly Encoded[]) => number {
  const escaped = JSON.stringify(id).slice(1, -1)
  const length = Buffer.byteLength(escaped)
  return (events) => {
    const raw = rawSocket(socket)
    if (socket.readyState !== WebSocket.OPEN || raw === undefined) return 0
    const template = templateFor(events, escaped, length)
    if (template.id !== escaped) {
      for (const place of template.places) template.bytes.write(escaped, place)
      template.id = escaped
    }
    const { bytes } = template
    raw.write(bytes)
    if (raw.writableLength > 0) template.bytes = Buffer.from(bytes)
    return bytes.length
  }
}

function templateFor(events: readonly Encoded[], id: string, length: number): Template {
  const shared = events.length === 1 ? events[0]! : events
  const ofLength = templates.get(shared) ?? new Map<number, Template>()
  const template = ofLength.get(length) ?? createTemplate(events, id, length)
  if (!ofLength.has(length)) templates.set(shared, ofLength.set(length, template))
  return template
}

const beforeId = Buffer.from('{"id":"')
const afterId = Buffer.from('","type":"next","payload":')
const end = Buffer.from('}')

function createTemplate(events: readonly Encoded[], id: string, idLength: number): Template {
  const parts: Buffer[] = []
  const places: number[] = []
  const idBytes = Buffer.from(id)
  let at = 0
  for (const { json } of events) {
    const header = textHeader(beforeId.length + idLength + afterId.length + json.length + end.length)
    places.push(at + header.length + beforeId.length)
    const frame = [header, beforeId, idBytes, afterId, json, end]
    for (const part of frame) at += part.length
    parts.push(...frame)
  }
  return { id, bytes: Buffer.concat(parts, at), places }
}

/** The header of one whole, unmasked text frame (RFC 6455, section 5.2). */
function textHeader(length: number): Buffer {
  if (length < 126) return Buffer.from([0x81, length])
  const header = Buffer.alloc(length < 65_536 ? 4 : 10)
  header[0] = 0x81
  if (length < 65_536) {
    header[1] = 126
    header.writeUInt16BE(length, 2)
  } else {
    header[1] = 127
    header.writeBigUInt64BE(BigInt(length), 2)
  }
  return header
}

/** The TCP socket below: private to `ws`, which without compression writes each frame to it at once, so frames of ours may stand between. */
function rawSocket(socket: WebSocket): Socket | undefined {
  return (socket as unknown as { _socket?: Socket })._socket
}

/** Bytes that wait in this process for the network. */
export function waitingBytes(socket: WebSocket): number {
  return rawSocket(socket)?.writableLength ?? 0
}

/** Calls back once nothing waits any more. */
export function onceDrained(socket: WebSocket, drained: () => void): void {
  rawSocket(socket)?.once('drain', drained)
}
