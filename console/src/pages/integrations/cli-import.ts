import { shellQuoted } from '../../../../src/core/definition-text.js'
import { type DraftOwner, mcpJsonText, type ServerDraft } from './server-draft.js'

/** A command that registers the same from standard input. The quotes keep the shell from filling in references; no line of JSON is `EOF`. */
export function cliImport(drafts: readonly ServerDraft[], owner: DraftOwner, viewerId: string, onConflict = 'fail'): string {
  const whose = owner.kind === 'DEPLOYMENT' ? 'deployment' : owner.kind === 'USER' && owner.id === viewerId ? 'me' : shellQuoted(`${owner.kind.toLowerCase()}:${owner.id}`)
  return `pilothouse import - --owner ${whose}${onConflict === 'fail' ? '' : ` --on-conflict ${onConflict}`} <<'EOF'\n${mcpJsonText(drafts)}\nEOF`
}
