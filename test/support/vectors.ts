import { readFileSync } from 'node:fs'
import { type McpServerDefinition, type NameValue } from '../../src/core/mcp-server.js'
import { type PolicyDocument } from '../../src/core/policy-document.js'
import { type VerdictKind } from '../../src/core/policy.js'

/** A definition with the verdict that every path has to come to, and why. */
export interface Vector {
  name: string
  /** Of a remote server. */
  url?: string
  headers?: NameValue[]
  /** Of a stdio server. */
  command?: string
  args?: string[]
  env?: NameValue[]
  cwd?: string
  /** Default: the default policy. */
  policy?: PolicyDocument
  verdict: VerdictKind
  finding?: { rule: string; field?: string; says?: string }
}

/** With the number of vectors that was promised of each. */
export const judgedFiles: ReadonlyArray<readonly [file: string, least: number]> = [['url.json', 60], ['argv.json', 80], ['environment.json', 40]]

export function vectorsOf(file: string): Vector[] {
  return JSON.parse(readFileSync(new URL(`../vectors/${file}`, import.meta.url), 'utf8')) as Vector[]
}

export function definitionOf({ url, headers = [], command = '', args = [], env = [], cwd }: Vector): McpServerDefinition {
  return {
    description: '', tools: { include: ['*'], exclude: [] }, timeoutMs: null, default: false,
    transport: url === undefined ? { kind: 'STDIO', command, args, env, cwd: cwd ?? null } : { kind: 'HTTP', url, headers },
  }
}
