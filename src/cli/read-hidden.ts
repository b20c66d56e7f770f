import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { UsageError } from './session.js'

/** Larger than any value that is taken: the server says so then, and nobody's memory is filled before. */
const mostCharacters = 1_000_000

/**
 * A value that must not be seen: from a terminal without showing it, else all of the input, of which the one line end that editors and `echo` add is dropped.
 * @throws UsageError when nobody answers, or nothing is there
 */
export async function readHidden(question: string, input: NodeJS.ReadStream, output: NodeJS.WritableStream): Promise<string> {
  const text = input.isTTY ? await ask(question, input, output) : await readAll(input)
  if (text === '') throw new UsageError('There is no value: give it at the prompt, or on standard input.')
  return text
}

function ask(question: string, input: NodeJS.ReadStream, output: NodeJS.WritableStream): Promise<string> {
  // Editing works as at any prompt; what it would show goes nowhere.
  const terminal = createInterface({ input, output: new Writable({ write: (_chunk, _encoding, done) => done() }), terminal: true, historySize: 0 })
  output.write(question)
  return new Promise((resolve, reject) => {
    terminal.once('line', (line) => {
      output.write('\n')
      resolve(line)
      terminal.close()
    })
    terminal.once('close', () => reject(new UsageError('Nothing was set.')))
  })
}

async function readAll(input: NodeJS.ReadStream): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk as Buffer | string)
    chunks.push(bytes)
    length += bytes.length
    if (length > mostCharacters) break
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks)).replace(/\r?\n$/, '')
  } catch {
    throw new UsageError('What is on standard input is no text in UTF-8; encode it first, for example with base64.')
  }
}
