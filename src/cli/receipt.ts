import { setTimeout as delay } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import {
  type CatalogClient, CatalogRequestError, RevocationDocument, type RevocationFieldsFragment, RevocationImpactDocument, type RevocationImpactQuery, type RevocationMode, type RevocationQuery,
} from '../client/index.js'
import { type ConnectionOptions, print, printable, table, UsageError, warn } from './session.js'

type Receipt = NonNullable<RevocationQuery['revocation']>
type Target = Receipt['targets']['nodes'][number]

export interface EntryOptions extends ConnectionOptions {
  owner: string
  json?: boolean
}

export interface WithdrawOptions extends EntryOptions {
  mode: string
  deadline?: string
  wait?: boolean
}

/** What every command about one entry takes. */
export function entryOptions(command: Command): Command {
  return command.argument('<entry>', 'its name, or its id')
    .option('--owner <owner>', 'whose entry, for a name: me, deployment, team:SLUG, user:ID', 'me')
    .option('--json', 'print JSON')
    .option('--url <url>', 'the API (default: PILOTHOUSE_URL or http://127.0.0.1:4000/graphql)')
}

/** What every command takes that takes an entry from sessions. */
export function withdrawOptions(command: Command, mode: 'drain' | 'immediate'): Command {
  return entryOptions(command)
    .addOption(new Option('--mode <mode>', 'drain: calls in flight may finish until the deadline').choices(['drain', 'immediate']).default(mode))
    .option('--deadline <seconds>', '1 to 3600; by then every session should have stopped (default: 30)')
    .option('--wait', 'print the receipt as it fills; exit code 0 when it is complete, 1 when it is overdue or cannot be read')
}

/** @throws UsageError for a deadline that is no whole number */
export function withdrawalOf({ mode, deadline }: WithdrawOptions): { mode: RevocationMode; deadlineSeconds: number | null } {
  const deadlineSeconds = deadline === undefined ? null : Number(deadline)
  if (deadlineSeconds !== null && !Number.isInteger(deadlineSeconds)) throw new UsageError('--deadline takes a whole number of seconds.')
  return { mode: mode.toUpperCase() as RevocationMode, deadlineSeconds }
}

/** The receipt as it is, or with `--wait` as it fills. `answer`: the whole payload, for `--json`. */
export async function tellReceipt(client: CatalogClient, revocation: RevocationFieldsFragment, answer: object, { wait = false, json = false }: WithdrawOptions): Promise<void> {
  if (!wait) return print(json ? JSON.stringify(answer) : summary(revocation))
  const receipt = await follow(client, revocation.id, json ? () => {} : (target) => print(line(target)))
  if (receipt !== null) print(json ? JSON.stringify(receipt) : summary(receipt))
  if (receipt?.state !== 'COMPLETE') process.exitCode = 1
}

type Holder = RevocationImpactQuery['revocationImpact']['nodes'][number]

/** Who has it now, before it is taken from them. */
export async function tellImpact(client: CatalogClient, entryId: string): Promise<void> {
  const { revocationImpact: { nodes, pageInfo } } = await client.execute(RevocationImpactDocument, { entryId, first: 500 })
  const more = pageInfo.hasNextPage ? 'More than ' : ''
  if (nodes.length === 0) return print('No session that you may see has it.')
  print(`${more}${count(nodes.length, 'session')} on ${count(new Set(nodes.map(({ worker }) => worker.id)).size, 'worker')} will lose it:`)
  const owner = ({ owner: { kind, displayName } }: Holder) => (kind === 'DEPLOYMENT' ? 'deployment' : `${kind.toLowerCase()} ${printable(displayName)}`)
  const shown = nodes.slice(0, 20).map((node) => [
    '', printable(node.worker.name), printable(node.id), owner(node), node.entries.find((one) => one.entryId === entryId)?.state ?? '',
  ])
  print(table(shown))
  if (nodes.length > shown.length) print(`  … and ${nodes.length - shown.length} more`)
}

/**
 * Reads the receipt until it is complete or overdue, seldom enough to burden nobody; `tell` gets each target as its state changes.
 * @returns null when the caller may not read it any more
 */
async function follow(client: CatalogClient, id: string, tell: (target: Target) => void): Promise<Receipt | null> {
  const told = new Map<string, string>()
  for (let pauseMs = 250; ; pauseMs = Math.min(2_000, pauseMs * 1.5)) {
    const receipt = await patiently(() => readReceipt(client, id))
    if (receipt === null) {
      warn('The receipt is not yours to read any more.')
      return null
    }
    for (const target of receipt.targets.nodes) {
      const key = JSON.stringify([target.worker?.id, target.sessionId])
      if (told.get(key) === target.state) continue
      told.set(key, target.state)
      tell(target)
    }
    if (receipt.state !== 'PENDING') return receipt
    await delay(pauseMs)
  }
}

const attempts = 5

/** A server that starts anew is away for a moment: what is asked of it is asked again, a few times and ever later. */
async function patiently<Result>(ask: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof CatalogRequestError) || error.code !== 'UNAVAILABLE' || attempt === attempts) throw error
      await delay(500 * 2 ** (attempt - 1))
    }
  }
}

/** With all of its targets that the caller may see; null when the caller may not read it. */
async function readReceipt(client: CatalogClient, id: string): Promise<Receipt | null> {
  const { revocation } = await client.execute(RevocationDocument, { id, first: 500 })
  if (revocation === null) return null
  for (let { targets: { pageInfo } } = revocation; pageInfo.hasNextPage;) {
    const next = await client.execute(RevocationDocument, { id, first: 500, after: pageInfo.endCursor })
    revocation.targets.nodes.push(...next.revocation?.targets.nodes ?? [])
    pageInfo = next.revocation?.targets.pageInfo ?? { hasNextPage: false, endCursor: null }
  }
  return revocation
}

const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`

function line({ worker, sessionId, state, refusedCalls, mustStopBy, reason }: Target): string {
  const notes = [
    ...(reason === null ? [] : [reason]), ...(refusedCalls > 0 ? [`${count(refusedCalls, 'call')} refused`] : []),
    ...(mustStopBy === null || state !== 'UNREACHABLE' ? [] : [`must have stopped by itself by ${mustStopBy}`]),
  ]
  return printable(`  ${worker?.name ?? 'no known worker'}  ${sessionId}  ${state}${notes.length > 0 ? `  ${notes.join('; ')}` : ''}`)
}

function summary({ state, targetCount, stoppedCount, deadline }: Pick<Receipt, 'state' | 'targetCount' | 'stoppedCount' | 'deadline'>): string {
  const told = targetCount === 0 ? 'no session had it' : `${stoppedCount} of ${count(targetCount, 'session')} stopped`
  return `${state}: ${told}${state === 'PENDING' ? `, until ${deadline}` : ''}.`
}
