import { type Command } from 'commander'
import {
  type CatalogClient, DeleteEntryDocument, type EntryFieldsFragment, EntryDocument, type OwnerInput, RestoreEntryDocument, type RevocationFieldsFragment, RollbackEntryDocument,
  SetEntryEnabledDocument, UpdateAgentDocument, UpdateMcpServerDocument, type Visibility,
} from '../client/index.js'
import { findEntry } from './find-entry.js'
import { type EntryOptions, entryOptions, tellImpact, tellReceipt, withdrawalOf, type WithdrawOptions, withdrawOptions } from './receipt.js'
import { connectionOf, parseOwner, print, printable, UsageError } from './session.js'

interface Changed {
  entry: Pick<EntryFieldsFragment, 'name' | 'status' | 'revision' | 'statusReason'>
  cursor: string
  /** When it was taken from sessions. */
  revocation?: RevocationFieldsFragment | null
}

interface ShareOptions extends EntryOptions {
  public?: boolean
  private?: boolean
}

/** What else is done with one entry; `import` adds, `change` and `revoke` have files of their own. */
export function addEntry(program: Command): void {
  entryOptions(program.command('enable').description('put an entry back into sessions')).action(enable)
  withdrawOptions(program.command('disable').description('take an entry from every session until it is enabled'), 'drain').action(disable)
  withdrawOptions(program.command('delete').description('take an entry from every session and free its name; its history and audit stay'), 'immediate').action(remove)
  entryOptions(program.command('restore').description('ask for a revoked entry back; somebody else has to approve it'))
    .option('--revision <number>', 'its revision; needed for one that was deleted besides, for which <entry> is its id').action(restore)
  entryOptions(program.command('rollback').description('make an old definition the new revision; it goes through the policy of now'))
    .argument('<revision>', 'which').action(rollback)
  entryOptions(program.command('share').description('say who else uses an entry: these owners and nobody else'))
    .argument('[with...]', 'team:SLUG, user:ID or user:PROVIDER/SUBJECT')
    .option('--public', 'everybody').option('--private', 'its owner alone').action(share)
}

async function enable(nameOrId: string, options: EntryOptions): Promise<void> {
  const { client, entry: { id, revision } } = await changeable(nameOrId, options)
  const { setEntryEnabled } = await client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: revision, enabled: true } })
  tell('Enabled', setEntryEnabled, options)
}

async function disable(nameOrId: string, options: WithdrawOptions): Promise<void> {
  const withdrawal = withdrawalOf(options)
  const { client, entry: { id, revision } } = await changeable(nameOrId, options)
  if (!options.json) await tellImpact(client, id)
  const { setEntryEnabled } = await client.execute(SetEntryEnabledDocument, { input: { id, expectedRevision: revision, enabled: false, ...withdrawal } })
  const { entry, revocation, cursor } = setEntryEnabled
  if (revocation === null) return tell('Disabled', setEntryEnabled, options)
  if (!options.json) print(lineOf('Disabled', setEntryEnabled))
  await tellReceipt(client, revocation, { entry, revocation, cursor }, options)
}

async function remove(nameOrId: string, options: WithdrawOptions): Promise<void> {
  const withdrawal = withdrawalOf(options)
  const { client, entry: { id, revision } } = await changeable(nameOrId, options)
  if (!options.json) await tellImpact(client, id)
  const { deleteEntry: { revocation, cursor } } = await client.execute(DeleteEntryDocument, { input: { id, expectedRevision: revision, ...withdrawal } })
  if (!options.json) print(`Deleted ${printable(revocation.entryName)}, at ${cursor}. Receipt ${revocation.id}.`)
  await tellReceipt(client, revocation, { entry: null, revocation, cursor }, options)
}

async function restore(nameOrId: string, { revision, ...options }: EntryOptions & { revision?: string }): Promise<void> {
  const known = revision === undefined ? null : { client: connectionOf(options).client, entry: { id: nameOrId, revision: wholeNumber(revision, '--revision') } }
  const { client, entry } = known ?? await changeable(nameOrId, options)
  const { restoreEntry } = await client.execute(RestoreEntryDocument, { input: { id: entry.id, expectedRevision: entry.revision } })
  tell('Asked for', restoreEntry, options)
}

async function rollback(nameOrId: string, to: string, options: EntryOptions): Promise<void> {
  const toRevision = wholeNumber(to, 'The revision')
  const { client, entry: { id, revision } } = await changeable(nameOrId, options)
  const { rollbackEntry } = await client.execute(RollbackEntryDocument, { input: { id, expectedRevision: revision, toRevision } })
  tell(`Rolled back to revision ${toRevision}:`, rollbackEntry, options)
}

async function share(nameOrId: string, owners: string[], options: ShareOptions): Promise<void> {
  const terms = termsOf(owners, options)
  const { client, entry: { id, kind, revision } } = await changeable(nameOrId, options)
  const input = { id, expectedRevision: revision, ...terms }
  if (kind === 'AGENT') {
    const { updateAgent: { agent, ...rest } } = await client.execute(UpdateAgentDocument, { input })
    return tell('Shared', { entry: agent, ...rest }, options)
  }
  const { updateMcpServer: { mcpServer, ...rest } } = await client.execute(UpdateMcpServerDocument, { input })
  tell('Shared', { entry: mcpServer, ...rest }, options)
}

/** @throws UsageError unless it is exactly one of the three */
function termsOf(owners: string[], { public: isPublic = false, private: isPrivate = false }: ShareOptions): { visibility: Visibility; audience: OwnerInput[] } {
  const said = [owners.length > 0, isPublic, isPrivate].filter(Boolean).length
  if (said !== 1) throw new UsageError('Say with whom: owners such as team:SLUG, or --public, or --private.')
  return { visibility: isPublic ? 'PUBLIC' : isPrivate ? 'PRIVATE' : 'SHARED', audience: owners.map(parseOwner) }
}

function wholeNumber(text: string, what: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new UsageError(`${what} is a whole number from 1.`)
}

/**
 * The entry as it is now, for a change that builds on its revision.
 * @throws UsageError when there is none that the caller sees
 */
export async function changeable(nameOrId: string, options: EntryOptions): Promise<{ client: CatalogClient; entry: EntryFieldsFragment }> {
  const { client } = connectionOf(options)
  const { node } = await client.execute(EntryDocument, { id: await findEntry(client, nameOrId, options.owner) })
  if (node === null || !('status' in node)) throw new UsageError(`There is no entry ${JSON.stringify(nameOrId)} that you may see.`)
  return { client, entry: node }
}

function lineOf(did: string, { entry, cursor, revocation }: Changed): string {
  const status = `${entry.status}${entry.statusReason === null ? '' : `: ${entry.statusReason}`}`
  return printable(`${did} ${entry.name} (revision ${entry.revision}, ${status}), at ${cursor}.${revocation == null ? '' : ` Receipt ${revocation.id}.`}`)
}

/** What became of it, in a line or as JSON. */
export function tell(did: string, changed: Changed, { json = false }: EntryOptions): void {
  print(json ? JSON.stringify(changed) : lineOf(did, changed))
}
