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

/** From the end of a line until it is clear that no further one was pasted along; a terminal hands a long text on in pieces. */
const pasteMs = 100

function ask(question: string, input: NodeJS.ReadStream, output: NodeJS.WritableStream): Promise<string> {
  // Editing works as at any prompt; what it would show goes nowhere.
  const terminal = createInterface({ input, output: new Writable({ write: (_chunk, _encoding, done) => done() }), terminal: true, historySize: 0 })
  output.write(question)
  return new Promise((resolve, reject) => {
    const lines: string[] = []
    terminal.on('line', (line) => {
      // What is pasted comes at once, with the lines that follow: the first one alone would be half a value, and the shell would get the rest.
      if (lines.push(line) === 1) setTimeout(() => terminal.close(), pasteMs)
    })
    terminal.once('close', () => {
      output.write('\n')
      if (lines.length === 0) reject(new UsageError('Nothing was set.'))
      else if (lines.length > 1 || terminal.line !== '') reject(new UsageError('A value of several lines cannot be given at the prompt, and nothing was set: give it on standard input.'))
      else resolve(lines[0]!)
    })
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
