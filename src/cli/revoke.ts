import { type Command } from 'commander'
import { RevokeEntryDocument } from '../client/index.js'
import { findEntry } from './find-entry.js'
import { tellImpact, tellReceipt, withdrawalOf, type WithdrawOptions, withdrawOptions } from './receipt.js'
import { connectionOf, print, printable } from './session.js'

interface RevokeOptions extends WithdrawOptions {
  reason: string
}

export function addRevoke(program: Command): void {
  withdrawOptions(program.command('revoke').description('take an entry from every session for good, and refuse it under any name until it is restored'), 'immediate')
    .option('--reason <text>', 'why; whoever sees the entry can read it', 'No reason was given.')
    .action(revoke)
}

async function revoke(nameOrId: string, options: RevokeOptions): Promise<void> {
  const withdrawal = withdrawalOf(options)
  const { client } = connectionOf(options)
  const id = await findEntry(client, nameOrId, options.owner)
  if (!options.json) await tellImpact(client, id)
  const { revokeEntry: { entry, revocation, cursor } } = await client.execute(RevokeEntryDocument, { input: { id, reason: options.reason, ...withdrawal } })
  if (!options.json) print(`Revoked ${printable(revocation.entryName)} (revision ${entry?.revision}), at ${cursor}. Receipt ${revocation.id}.`)
  await tellReceipt(client, revocation, { entry, revocation, cursor }, options)
}
