import { readFileSync } from 'node:fs'
import { type Command } from 'commander'
import { type CatalogClient, type OwnerInput, PolicyDocument, PolicyHistoryDocument, type PolicyHistoryQuery, SetPolicyDocument, SimulatePolicyDocument, type SimulatePolicyQuery } from '../client/index.js'
import { printableJson } from '../core/printable-json.js'
import { connectionOf, type ConnectionOptions, parseOwner, print, printable, table, UsageError, warn } from './session.js'

interface PolicyOptions extends ConnectionOptions {
  owner: string
  json?: boolean
}

interface ChangeOptions extends PolicyOptions {
  expected?: string
}

type Effect = SimulatePolicyQuery['simulatePolicy']['nodes'][number]

const pageSize = 500

export function addPolicy(program: Command): void {
  const policy = program.command('policy').description('what MCP servers and agents may be: the deployment\'s policy, and teams\' that narrow it')
  const withOptions = (command: Command) => command
    .option('--owner <owner>', 'deployment or team:SLUG', 'deployment')
    .option('--json', 'print JSON')
    .option('--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)')
  const withFile = (command: Command) => withOptions(command.argument('<file>', 'path of a JSON document, or - for standard input')
    .option('--expected <revision>', 'refuse if the policy is at another revision (default: whichever it is at)'))
  withOptions(policy.command('show').description('print the document as it is stored; what is left out in it is as in the default'))
    .action(showPolicy)
  withOptions(policy.command('history').description('every document that it had, newest first, for whoever may set it')
    .option('--revision <revision>', 'print the document of that revision, such as to set it again'))
    .action(showHistory)
  withFile(policy.command('set').description('make a document the policy; every entry is judged by it at once'))
    .action(setPolicy)
  withFile(policy.command('simulate').description('which entries a document would change if it were set; nothing is stored'))
    .action(simulatePolicy)
}

async function showPolicy(options: PolicyOptions): Promise<void> {
  const { policy } = await connectionOf(options).client.execute(PolicyDocument, { owner: parseOwner(options.owner) })
  if (options.json) return print(JSON.stringify(policy))
  // The document alone on standard output, so that it can be edited and set again.
  print(printableJson(policy.document))
  warn(`Revision ${policy.revision}${policy.revision === 0 ? ': nothing was set yet' : ''}.`)
  warnOf(policy.warnings)
}

type Past = PolicyHistoryQuery['policyHistory']['nodes'][number]

async function showHistory({ revision, json, ...options }: PolicyOptions & { revision?: string }): Promise<void> {
  const wanted = revision === undefined ? null : wholeNumber('--revision', revision)
  const owner = parseOwner(options.owner)
  const { client } = connectionOf(options)
  const past: Past[] = []
  for (let after: string | null = null; ;) {
    const { policyHistory: { nodes, pageInfo } }: PolicyHistoryQuery = await client.execute(PolicyHistoryDocument, { owner, first: pageSize, after })
    past.push(...nodes)
    if (!pageInfo.hasNextPage) break
    after = pageInfo.endCursor
  }
  const found = past.find((one) => one.revision === wanted)
  if (wanted !== null && found === undefined) throw new UsageError(`There is no revision ${wanted}; \`pilothouse policy history\` lists those that there are.`)
  if (json) return print(JSON.stringify(found ?? past))
  if (found !== undefined) return print(printableJson(found.document))
  if (past.length === 0) return print('Nothing was set yet.')
  print(table([['REVISION', 'AT', 'BY'], ...past.map(({ revision: number, at, setBy }) => [String(number), at.slice(0, 19), printable(setBy.displayName)])]))
}

async function setPolicy(file: string, options: ChangeOptions): Promise<void> {
  const { client } = connectionOf(options)
  const { setPolicy: { policy, cursor } } = await client.execute(SetPolicyDocument, { input: await inputOf(client, file, options) })
  if (options.json) return print(JSON.stringify({ policy, cursor }))
  print(`Set, revision ${policy.revision}, at ${cursor}.`)
  warnOf(policy.warnings)
}

async function simulatePolicy(file: string, options: ChangeOptions): Promise<void> {
  const { client } = connectionOf(options)
  const input = await inputOf(client, file, options)
  const effects: Effect[] = []
  for (let after: string | null = null; ;) {
    const { simulatePolicy: { nodes, pageInfo } }: SimulatePolicyQuery = await client.execute(SimulatePolicyDocument, { input, first: pageSize, after })
    effects.push(...nodes)
    if (!pageInfo.hasNextPage) break
    after = pageInfo.endCursor
  }
  if (options.json) return print(JSON.stringify(effects))
  print(effects.length === 0 ? 'No entry changes.' : effects.length === 1 ? '1 entry changes:' : `${effects.length} entries change:`)
  if (effects.length > 0) print(table(effects.map(rowOf)))
}

function rowOf({ entry: { kind, name, owner }, before, after }: Effect): string[] {
  const whose = owner.kind === 'DEPLOYMENT' ? 'deployment' : `${owner.kind.toLowerCase()} ${printable(owner.displayName)}`
  const [finding] = after.findings
  return [
    `  ${kind === 'AGENT' ? 'agent' : 'server'}`, printable(name), whose, `${before.kind} -> ${after.kind}`,
    finding === undefined ? '' : printable(`${finding.field}: ${finding.message}`),
  ]
}

async function inputOf(client: CatalogClient, file: string, { owner: ownerText, expected }: ChangeOptions) {
  const owner = parseOwner(ownerText)
  const document = readDocument(file)
  return { owner, document, expectedRevision: expected === undefined ? await revisionOf(client, owner) : wholeNumber('--expected', expected) }
}

async function revisionOf(client: CatalogClient, owner: OwnerInput): Promise<number> {
  return (await client.execute(PolicyDocument, { owner })).policy.revision
}

function wholeNumber(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${option} takes a revision: a whole number, 0 before the first.`)
  return Number(text)
}

function readDocument(file: string): unknown {
  let text
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`)
  }
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new UsageError(`${file} is no JSON: ${printable((error as Error).message)}`)
  }
}

function warnOf(warnings: ReadonlyArray<{ rule: string; field: string; message: string; mend: string | null }>): void {
  for (const { rule, field, message, mend } of warnings) warn(printable(`warning: ${field}: ${message} [${rule}] ${mend ?? ''}`.trimEnd()))
}
