import { shellQuoted } from '../../../../src/core/definition-text.js'
import { cliOwner } from '../../entries/cli-args.js'
import { cliShare } from '../../entries/cli-share.js'
import { type DraftOwner, mcpJsonText, type ServerDraft, visibilityOf } from './server-draft.js'

/** A command that registers the same from standard input. The quotes keep the shell from filling in references; no line of JSON is `EOF`. */
export function cliImport(drafts: readonly ServerDraft[], owner: DraftOwner, viewerId: string, onConflict = 'fail'): string {
  return `pilothouse import - --owner ${shellQuoted(cliOwner(owner, viewerId))}${onConflict === 'fail' ? '' : ` --on-conflict ${onConflict}`} <<'EOF'\n${mcpJsonText(drafts)}\nEOF`
}

/** What saves one, and then says who uses it where that is not as it would be anyway. */
export function cliSave(draft: ServerDraft, owner: DraftOwner, viewerId: string, isNew: boolean): string {
  const line = cliImport([draft], owner, viewerId, isNew ? 'fail' : 'update')
  const sharing = { visibility: visibilityOf(draft, owner), audience: draft.audience }
  const isDefault = sharing.visibility === visibilityOf({ visibility: null }, owner)
  const share = isNew && isDefault ? null : cliShare({ name: draft.name, owner }, sharing, viewerId)
  return share === null ? line : `${line}\n${share}`
}
