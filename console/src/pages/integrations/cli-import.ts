import { cliLine, unless } from '../../data/cli-line.js'
import { scopeOf } from '../../data/scope.js'
import { type NamedOwner } from '../../data/viewer.js'
import { shareLineAfter } from '../../entries/cli-args.js'
import { mcpJsonText, type ServerDraft, visibilityOf } from './server-draft.js'

/** A command that registers the same from standard input. The quotes keep the shell from filling in references; no line of JSON is `EOF`. */
export function cliImport(drafts: readonly ServerDraft[], owner: NamedOwner, viewerId: string, onConflict = 'fail'): string {
  const command = cliLine('import', ['-'], { owner: scopeOf(owner, viewerId), 'on-conflict': unless('fail', onConflict) })
  return `${command} <<'EOF'\n${mcpJsonText(drafts)}\nEOF`
}

/** What saves one, and then says who uses it where that is not as it would be anyway. */
export function cliSave(draft: ServerDraft, owner: NamedOwner, viewerId: string, isNew: boolean): string {
  const line = cliImport([draft], owner, viewerId, isNew ? 'fail' : 'update')
  const share = shareLineAfter({ name: draft.name, owner }, viewerId, { visibility: visibilityOf(draft, owner), audience: draft.audience }, isNew)
  return share === null ? line : `${line}\n${share}`
}

/** Of a file that one has already. */
export const importFileLine = cliLine('import', ['.mcp.json'])
