export const opcodes = { text: 1, close: 8, ping: 9, pong: 10 } as const

function header(opcode: number, size: number, mask: 0 | 128): Buffer {
  if (size < 126) return Buffer.from([128 | opcode, mask | size])
  if (size < 65_536) return Buffer.from([128 | opcode, mask | 126, size >> 8, size & 255])
  const long = Buffer.alloc(10)
  long[0] = 128 | opcode
  long[1] = mask | 127
  long.writeBigUInt64BE(BigInt(size), 2)
  return long
}

/** A whole WebSocket frame as a server sends it. */
export function serverFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  return Buffer.concat([header(opcodes.text, payload.length, 0), payload])
}

const noMask = Buffer.alloc(4)

/** A whole frame as a client sends it, masked with zeros. */
export function clientFrame(data: string | Buffer, opcode: number = opcodes.text): Buffer {
  const payload = typeof data === 'string' ? Buffer.from(data) : data
  return Buffer.concat([header(opcode, payload.length, 128), noMask, payload])
}
