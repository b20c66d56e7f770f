import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { agentMdProblemCodes } from '../core/agent-md.js'

/**
 * Warnings of PilotSwarm 0.5.42 itself, in the words of test/vectors/static-loading.json. The agent file's own stand in
 * core/agent-md.ts.
 */
const pilotSwarmCodes = ['plugin-dir-missing', 'mcp-json-parse-error', 'mcp-json-root-not-object', 'mcp-ref-dropped'] as const

/** What PilotSwarm passes over in silence, or says without a vector of ours that holds it. */
const furtherCodes = [
  'file-too-large', 'file-unreadable', 'problems-omitted',
  'plugin-json-invalid', 'session-policy-invalid', 'session-policy-replaced', 'skill-dir-missing',
  'mcp-json-missing', 'mcp-json-misnamed', 'mcp-json-wrapped', 'mcp-json-beside-wrapper',
  'server-not-object', 'server-is-list', 'server-name-odd', 'server-name-refused', 'server-too-deep', 'server-cwd-not-text',
  'server-replaced',
  'server-without-target', 'server-with-two-targets', 'server-type-missing', 'server-type-unknown', 'server-type-mismatch',
  'server-enabled-ignored', 'server-unknown-key', 'server-key-refused', 'server-value-type',
  'env-unset', 'env-syntax-left', 'inline-in-every-session',
  'agent-file-ignored', 'agent-invalid', 'agent-duplicate', 'agent-name-ambiguous', 'agent-default-repeated',
  'mcp-ref-invalid', 'mcp-default-set-empty',
  'path-outside', 'path-hard-linked', 'path-case-collision', 'path-with-nul', 'skill-ref-refused',
] as const

export const staticProblemCodes = [...agentMdProblemCodes, ...pilotSwarmCodes, ...furtherCodes] as const
export type StaticProblemCode = (typeof staticProblemCodes)[number]

/** Reported upward and shown to admins, so `message` names keys, files and variables and never a value. */
export interface StaticProblem {
  code: StaticProblemCode
  message: string
  /** Path of the file or folder, or 'inline'. */
  origin: string
}

export type Report = (code: StaticProblemCode, message: string, origin: string) => void

/** More than any honest file has; a hostile one must not fill memory and status reports. */
const maxProblemsPerOrigin = 100

/** One list for a whole load, at most 100 problems (and one 'problems-omitted') for each origin. */
export function createProblemList(): { problems: StaticProblem[], report: Report } {
  const problems: StaticProblem[] = []
  const counts = new Map<string, number>()
  return {
    problems,
    report(code, message, origin) {
      const count = (counts.get(origin) ?? 0) + 1
      counts.set(origin, count)
      if (count <= maxProblemsPerOrigin) problems.push({ code, message, origin })
      else if (count === maxProblemsPerOrigin + 1) {
        problems.push({ code: 'problems-omitted', message: `Only the first ${maxProblemsPerOrigin} problems are listed.`, origin })
      }
    },
  }
}

/** Names from files go into messages quoted, escaped and cut, so that none can forge a line of a log. */
export const shown = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)

/** Largest file that is read. The largest in PilotSwarm's repository has some 20 KiB. */
export const maxFileBytes = 1024 * 1024

interface ReadOptions {
  /** Reported for a file that does not exist; without it a missing file is no problem. */
  codeWhenMissing?: StaticProblemCode
  /**
   * For a file of a plugin folder: where it really lies, so that no link is followed any more, and none of its other
   * names may lie elsewhere (S16).
   */
  real?: string
}

/**
 * Reads one file as UTF-8.
 * @returns undefined when there is nothing to read; every other reason than a missing file is reported
 */
export function readText(path: string, report: Report, { codeWhenMissing, real }: ReadOptions = {}): string | undefined {
  let file: number | undefined
  try {
    // Non-blocking, because opening a named pipe for reading would otherwise hang the worker's start.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK
    file = real === undefined ? openSync(path, flags) : openSync(real, flags | constants.O_NOFOLLOW)
    const stat = fstatSync(file)
    if (!stat.isFile()) report('file-unreadable', 'This is not a regular file; it is not loaded.', path)
    else if (real !== undefined && stat.nlink > 1) reportHardLink(path, report)
    else if (stat.size > maxFileBytes) report('file-too-large', `The file has more than ${maxFileBytes} bytes; it is not loaded.`, path)
    else return readFileSync(file, 'utf8')
  } catch (error) {
    const code = errorCode(error)
    if (code !== 'ENOENT' && code !== 'ENOTDIR') report('file-unreadable', `The file cannot be read (${code}); it is not loaded.`, path)
    else if (codeWhenMissing) report(codeWhenMissing, 'There is no such file.', path)
  } finally {
    if (file !== undefined) closeSync(file)
  }
  return undefined
}

export function reportHardLink(path: string, report: Report): void {
  report('path-hard-linked', 'The file has another name somewhere (a hard link), so it may belong elsewhere; it is not loaded. Put a copy in its place.', path)
}

/** Whether there is a folder, or anything else, at a path; what may not be looked at counts as not there. */
export function kindOf(path: string): 'FOLDER' | 'OTHER' | undefined {
  try {
    return statSync(path).isDirectory() ? 'FOLDER' : 'OTHER'
  } catch {
    return undefined
  }
}

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}

/** JSON.parse without its message, which quotes the text around the mistake and with it, perhaps, a secret. */
export function parseJson(text: string): { value: unknown } | { mistake: string } {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch (error) {
    const position = error instanceof SyntaxError ? /at position (\d+)/.exec(error.message)?.[1] : undefined
    const reason = text.startsWith('\uFEFF') ? ': it starts with a byte order mark' : position ? ` at character ${position}` : ''
    return { mistake: `The file is no plain JSON${reason}.` }
  }
}

/** What `copyJson` met on its way. */
export interface CopyNotes {
  /** A key `__proto__` was dropped: whoever assigned it would set a prototype. */
  hasRefusedKey: boolean
  /** Deeper than 32 levels (or a cycle, in an inline option); the copy is not complete. */
  isTooDeep: boolean
}

/** Deep copy of a JSON-like value; every string, but no key, goes through `mapText`. Only own keys are copied. */
export function copyJson(value: unknown, mapText: (text: string) => string, notes: CopyNotes, depth = 0): unknown {
  if (typeof value === 'string') return mapText(value)
  if (!isObject(value)) return value
  if (depth > 32) notes.isTooDeep = true
  // Also ends the siblings' copies, so that a cycle with many branches costs 32 steps and not 2^32.
  if (notes.isTooDeep) return undefined
  if (Array.isArray(value)) return value.map((item) => copyJson(item, mapText, notes, depth + 1))
  const entries = Object.entries(value).filter(([key]) => key !== '__proto__')
  if (Object.hasOwn(value, '__proto__')) notes.hasRefusedKey = true
  return Object.fromEntries(entries.map(([key, item]) => [key, copyJson(item, mapText, notes, depth + 1)]))
}

/** Like PilotSwarm's check: arrays pass, which is why `{"a": [1]}` loads as a server. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
