import { z } from 'zod'
import { line, parseInput } from './parse.js'
import { urlPatternProblem } from './rules/server-lists.js'
import { isHostItem, isNetworkItem } from './rules/url.js'

const outcome = z.enum(['allow', 'approve', 'deny'])
const most = (count: number) => `has more than ${count} items`
const listOf = <Item extends z.ZodType>(item: Item) => z.array(item).max(1000, most(1000))
const lineThat = (isItem: (item: string) => boolean, form: string) => line(253, 1).refine(isItem, form)
const hosts = listOf(lineThat(isHostItem, 'is no host: write a name, an address or *.domain, without scheme, port or path'))
const networks = listOf(lineThat(isNetworkItem, 'is no network: write 10.2.0.0/16, an address, a name or *.domain'))
const patterns = listOf(line(200, 1))
const commandLine = z.array(line(8192, 1)).min(1, 'needs a command').max(257, most(257))

/** One way to recognise MCP servers: by where they are reached, by their exact command line, or by name. */
const serverMatcher = z.union([
  z.strictObject({ serverUrl: line(2048, 1) }),
  z.strictObject({ serverCommand: commandLine }),
  z.strictObject({ serverName: line(200, 1) }),
], 'is no matcher: write {"serverUrl": "https://*.example.com/*"}, {"serverCommand": ["npx", "-y", "srv@1.2.3"]} or {"serverName": "old-*"}').superRefine((matcher, context) => {
  // Not inside the union, which would say of every pattern only that it is no matcher.
  const problem = 'serverUrl' in matcher ? urlPatternProblem(matcher.serverUrl) : null
  if (problem !== null) context.addIssue({ code: 'custom', path: ['serverUrl'], message: problem })
})

/** A command line by itself has no environment; with names it may set those, to anything that the other rules take. */
const preapproved = z.union([commandLine, z.strictObject({ command: commandLine, env: patterns })], 'is no command line: write ["npx", "-y", "srv@1.2.3"]')

const count = (from: number, to: number) => z.int('is not a whole number').min(from, `is under ${from}`).max(to, `is over ${to}`)
const absoluteFolder = lineThat((path) => /^\/(?!.*(?:\/\.{1,2}(?:\/|$)|\/\/)).*$/.test(path), 'is no absolute folder: write /srv/mcp, without . and ..')

/** Every part is optional and unknown keys are refused; what is left out is as in `defaultPolicy`. */
export const policyDocumentSchema = z.strictObject({
  transports: z.strictObject({ stdio: outcome, http: outcome, sse: outcome }).partial().optional()
    .describe('Which transports MCP servers may have: allow, approve (each waits for an approval) or deny.'),
  mcpServers: z.strictObject({
    allow: listOf(serverMatcher).describe('What may be at all; left out there is no such list, and [] allows nothing.'),
    deny: listOf(serverMatcher).describe('What may not be; it wins over allow.'),
  }).partial().optional().describe('Servers by URL pattern, exact command line or name. A name is a convenience: anybody can choose it.'),
  urls: z.strictObject({
    insecureHttp: hosts.describe('Hosts, addresses and *.domain that may be reached by plain http.'),
    privateNetworks: networks.describe('Networks, addresses, hosts and *.domain that may be reached although they are not public.'),
  }).partial().optional().describe('Exceptions to "https only" and "public addresses only".'),
  stdio: z.strictObject({
    launchers: listOf(line(100, 1)).describe('Programs that may start servers, by name, found on the worker\'s PATH.'),
    directories: listOf(absoluteFolder).describe('Folders below which executables and scripts given by absolute path must lie; left out: anywhere outside system and world-writable folders.'),
    preapproved: listOf(preapproved).describe('Exact command lines that need no approval, alone or with the names of variables that they may set.'),
  }).partial().optional().describe('What stdio servers may start.'),
  env: z.strictObject({ deny: patterns }).partial().optional()
    .describe('Names of variables, with * for any run of characters, that are denied besides those that always are.'),
  headers: z.strictObject({ deny: patterns }).partial().optional()
    .describe('Names of headers, with * for any run of characters, that are denied besides those that always are.'),
  tools: z.strictObject({
    drift: z.enum(['hold', 'accept']).describe('What becomes of a tool that is new, or whose definition changes: hold keeps it from sessions until somebody accepts it, accept lets it in and tells of it.'),
    maxPerMcpServer: count(1, 1000).describe('How many tools one server may offer.'),
  }).partial().optional().describe('Limits on tools.'),
  approval: z.strictObject({
    allowSelf: z.boolean().describe('Whether the last one to change a definition may approve it: for installations with one admin.'),
    approvers: z.enum(['admins', 'maintainers']).describe('maintainers: those of a team decide what their team owns, besides admins.'),
    pendingExpiresAfterDays: count(1, 365).describe('After so many days a request that nobody decided expires.'),
  }).partial().optional().describe('Who approves.'),
  quotas: z.strictObject({
    entriesPerUser: count(0, 100_000).describe('How many entries a user may have.'),
    entriesPerTeam: count(0, 100_000).describe('How many entries a team may have.'),
  }).partial().optional().describe('How many entries an owner may have; lowering one takes nothing away.'),
  static: z.strictObject({ overridable: listOf(line(200, 1)).describe('Exact names of static MCP servers and agents that an entry of the same kind and name replaces while it runs.') }).partial().optional()
    .describe('What of a worker\'s own configuration the catalog may replace.'),
  // More would have to be known to receipts, which say by when a worker that is cut off must have stopped.
  staleAfterSeconds: count(30, 600).optional().describe('How long a worker that hears nothing from the server trusts what it has.'),
}).describe('A policy of Pilothouse: of the deployment, or of a team, which narrows it.')

export type PolicyDocument = z.infer<typeof policyDocumentSchema>
export type ServerMatcher = z.infer<typeof serverMatcher>
export type PreapprovedCommand = z.infer<typeof preapproved>

export interface FullPolicyDocument {
  transports: Record<'stdio' | 'http' | 'sse', z.infer<typeof outcome>>
  /** Deny wins. `allow` null: no allowlist; []: nothing is allowed. */
  mcpServers: { allow: ServerMatcher[] | null; deny: ServerMatcher[] }
  /** Exceptions: hosts that may be plain http, and private networks, addresses or names that may be reached. */
  urls: { insecureHttp: string[]; privateNetworks: string[] }
  stdio: {
    /** By name, found on the worker's PATH. */
    launchers: string[]
    /** Below which executables and scripts given by absolute path must lie; null: anywhere outside system and world-writable folders. */
    directories: string[] | null
    /** Exact command lines that need no approval. */
    preapproved: PreapprovedCommand[]
  }
  /** Names with `*` for any run of characters, besides those that are always denied. */
  env: { deny: string[] }
  headers: { deny: string[] }
  tools: { drift: 'hold' | 'accept'; maxPerMcpServer: number }
  approval: {
    /** Whether the last one to change a definition may approve it: for installations with one admin. */
    allowSelf: boolean
    /** admins decide everything; maintainers: those of a team decide what their team owns, too. */
    approvers: 'admins' | 'maintainers'
    pendingExpiresAfterDays: number
  }
  quotas: { entriesPerUser: number; entriesPerTeam: number }
  /** Exact names of static entries that a catalog entry of the same kind and name replaces while it runs. */
  static: { overridable: string[] }
  /** How long a worker that hears nothing trusts what it has. */
  staleAfterSeconds: number
}

/** http to public https hosts is allowed, stdio waits for an approval, sse is denied, private networks are denied. */
export const defaultPolicy: FullPolicyDocument = {
  transports: { stdio: 'approve', http: 'allow', sse: 'deny' },
  mcpServers: { allow: null, deny: [] },
  urls: { insecureHttp: [], privateNetworks: [] },
  stdio: { launchers: ['npx', 'uvx', 'node', 'python', 'python3', 'docker', 'deno'], directories: null, preapproved: [] },
  env: { deny: [] },
  headers: { deny: [] },
  tools: { drift: 'hold', maxPerMcpServer: 128 },
  approval: { allowSelf: false, approvers: 'admins', pendingExpiresAfterDays: 30 },
  quotas: { entriesPerUser: 1000, entriesPerTeam: 5000 },
  static: { overridable: [] },
  staleAfterSeconds: 600,
}

/** What stands in for a stored policy that cannot be read, where only rules for MCP servers matter. */
export const denyingPolicy: FullPolicyDocument = {
  ...defaultPolicy,
  transports: { stdio: 'deny', http: 'deny', sse: 'deny' },
  mcpServers: { allow: [], deny: [] },
}

/**
 * A policy as workers are told it. Of one that cannot be read they are told so: no worker can read that document either, and so denies agents
 * as well as servers, while whoever takes the parts that it knows still finds every transport denied (S23).
 */
export function deliveredPolicy(document: FullPolicyDocument | null): PolicyDocument & { unreadable?: true } {
  return document === null ? { ...writtenPolicy(denyingPolicy), unreadable: true } : writtenPolicy(document)
}

export interface Policy {
  /** 0 before the first `setPolicy`. */
  revision: number
  /** null: the stored document cannot be read, and everything is denied (S23). */
  document: FullPolicyDocument | null
}

/**
 * @param input the document as JSON
 * @throws CatalogError INVALID_INPUT with the field's path below `document`
 */
export function parsePolicyDocument(input: unknown): PolicyDocument {
  return parseInput(policyDocumentSchema, input, 'document')
}

/**
 * What is stored, completed; a document that does not parse is unreadable, never a default (S23).
 * @param base what is left out is as here: a team's document lies over the deployment's
 */
export function readPolicy(revision: number, stored: unknown, base: FullPolicyDocument = defaultPolicy): Policy {
  const parsed = policyDocumentSchema.safeParse(stored)
  return { revision, document: parsed.success ? completePolicy(parsed.data, base) : null }
}

type PartOf<Name extends keyof FullPolicyDocument> = Partial<FullPolicyDocument[Name]> | undefined

export function completePolicy(document: PolicyDocument, base: FullPolicyDocument = defaultPolicy): FullPolicyDocument {
  const part = <Name extends Exclude<keyof FullPolicyDocument, 'staleAfterSeconds'>>(name: Name): FullPolicyDocument[Name] => (
    { ...base[name], ...document[name] as PartOf<Name> })
  return {
    transports: part('transports'), mcpServers: part('mcpServers'), urls: part('urls'), stdio: part('stdio'), env: part('env'), headers: part('headers'),
    tools: part('tools'), approval: part('approval'), quotas: part('quotas'), static: part('static'),
    staleAfterSeconds: document.staleAfterSeconds ?? base.staleAfterSeconds,
  }
}

/** A document as it may be set, and as workers read it: lists that are not there are left out, for null is no list. */
export function writtenPolicy(full: FullPolicyDocument): PolicyDocument {
  const { mcpServers: { allow, ...mcpServers }, stdio: { directories, ...stdio } } = full
  return { ...full, mcpServers: { ...(allow && { allow }), ...mcpServers }, stdio: { ...stdio, ...(directories && { directories }) } }
}
