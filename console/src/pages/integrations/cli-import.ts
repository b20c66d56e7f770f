import { cliLine, unless } from '../../data/cli-line.js'
import { scopeOf } from '../../data/scope.js'
import { type DraftOwner, mcpJsonText, type ServerDraft } from './server-draft.js'

/** A command that registers the same from standard input. The quotes keep the shell from filling in references; no line of JSON is `EOF`. */
export function cliImport(drafts: readonly ServerDraft[], owner: DraftOwner, viewerId: string, onConflict = 'fail'): string {
  const command = cliLine('import', ['-'], { owner: scopeOf(owner, viewerId), 'on-conflict': unless('fail', onConflict) })
  return `${command} <<'EOF'\n${mcpJsonText(drafts)}\nEOF`
}

/** Of a file that one has already. */
export const importFileLine = cliLine('import', ['.mcp.json'])
