import { cliLine, unless } from '../../data/cli-line.js'
import { scopeOf } from '../../data/scope.js'
import { type NamedOwner } from '../../data/viewer.js'
import { saveLines } from '../../entries/cli-args.js'
import { mcpJsonText, type ServerDraft, visibilityOf } from './server-draft.js'

/** A command that registers the same from standard input. The quotes keep the shell from filling in references; no line of JSON is `EOF`. */
export function cliImport(drafts: readonly ServerDraft[], owner: NamedOwner, viewerId: string, onConflict = 'fail'): string {
  const command = cliLine('import', ['-'], { owner: scopeOf(owner, viewerId), 'on-conflict': unless('fail', onConflict) })
  return `${command} <<'EOF'\n${mcpJsonText(drafts)}\nEOF`
}

/** What saves one. `before`: as it was opened; null: it is a new one. */
export function cliSave(draft: ServerDraft, owner: NamedOwner, viewerId: string, before: ServerDraft | null): string {
  const terms = (of: ServerDraft) => ({ name: of.name, visibility: visibilityOf(of, owner), audience: of.audience, locked: of.isLocked, apply: of.apply })
  return saveLines(cliImport([draft], owner, viewerId, before === null ? 'fail' : 'update'), owner, viewerId, terms(draft), before && terms(before))
}

/** Of a file that one has already. */
export const importFileLine = cliLine('import', ['.mcp.json'])
