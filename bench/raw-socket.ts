import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { clientFrame, opcodes } from './frames.js'

/** Every socket of the process reads into this one buffer: a frame that comes whole is looked at where it lies, and never copied. */
const shared = Buffer.allocUnsafe(1_048_576)

export interface RawSocketOptions {
  host: string
  port: number
  path: string
  protocol: string
  /** A source address of its own: one address has some 28,000 ports. */
  localAddress?: string | undefined
  opened: () => void
  /** One text frame. The bytes are the shared buffer's: gone after the call. */
  text: (frame: Buffer) => void
  /** Once, with the close code or the error. */
  closed: (why: string) => void
}

/**
 * A WebSocket client as thin as one can be, so that the generator is not what is measured: no events, no objects for each
 * frame, the masking key zero (which is legal, and masks nothing). It takes whole text frames, pings and closes.
 */
export class RawSocket {
  readonly #socket: Socket
  readonly #options: RawSocketOptions
  #isOpen = false
  #why = 'closed'
  /** Pieces of what has not come whole yet, their bytes, and how many it takes to look again. */
  #pieces: Buffer[] = []
  #have = 0
  #need = 0

  constructor(options: RawSocketOptions) {
    const { host, port, path, protocol, localAddress } = options
    this.#options = options
    this.#socket = connect({
      host, port, localAddress, noDelay: true,
      onread: {
        buffer: shared,
        callback: (length) => {
          this.#take(length)
          return true
        },
      },
    })
    this.#socket.once('connect', () => void this.#socket.write([
      `GET ${path} HTTP/1.1`, `Host: ${host}:${port}`, 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`, `Sec-WebSocket-Protocol: ${protocol}`, '', '',
    ].join('\r\n')))
    this.#socket.on('error', (error: NodeJS.ErrnoException) => { this.#why = error.code ?? error.message })
    this.#socket.once('close', () => options.closed(this.#why))
  }

  send(text: string): void {
    this.#socket.write(clientFrame(text))
  }

  /** Without a close frame, as a lost network does it. */
  drop(): void {
    this.#socket.destroy()
  }

  #take(length: number): void {
    if (this.#have === 0) return this.#read(shared, length)
    this.#keep(shared, 0, length, this.#need)
    if (this.#have < this.#need) return
    const whole = Buffer.concat(this.#pieces, this.#have)
    this.#pieces = []
    this.#have = 0
    this.#read(whole, whole.length)
  }

  #keep(bytes: Buffer, from: number, to: number, need: number): void {
    this.#pieces.push(Buffer.from(bytes.subarray(from, to)))
    this.#have += to - from
    this.#need = need
  }

  #read(bytes: Buffer, length: number): void {
    let at = this.#isOpen ? 0 : this.#readUpgrade(bytes, length)
    while (at >= 0 && at < length) {
      const left = length - at
      const short = left < 2 ? 0 : bytes[at + 1]! & 127
      const header = short === 127 ? 10 : short === 126 ? 4 : 2
      if (left < header) return this.#keep(bytes, at, length, header)
      const size = short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short === 126 ? bytes.readUInt16BE(at + 2) : short
      if (left < header + size) return this.#keep(bytes, at, length, header + size)
      this.#frame(bytes[at]! & 15, bytes.subarray(at + header, at + header + size))
      at += header + size
    }
  }

  /** @returns where the frames begin, or -1 while there are none to read */
  #readUpgrade(bytes: Buffer, length: number): number {
    const answer = bytes.toString('latin1', 0, length)
    const end = answer.indexOf('\r\n\r\n')
    if (end < 0) this.#keep(bytes, 0, length, length + 1)
    else if (answer.startsWith('HTTP/1.1 101 ')) {
      this.#isOpen = true
      this.#options.opened()
      return end + 4
    } else {
      this.#why = answer.slice(0, answer.indexOf('\r\n'))
      this.drop()
    }
    return -1
  }

  #frame(opcode: number, payload: Buffer): void {
    if (opcode === opcodes.text) return this.#options.text(payload)
    if (opcode === opcodes.ping) return void this.#socket.write(clientFrame(payload, opcodes.pong))
    if (opcode !== opcodes.close) return
    this.#why = payload.length < 2 ? 'closed without a code' : `${payload.readUInt16BE(0)} ${payload.toString('utf8', 2)}`
    this.drop()
  }
}
