import { type Action } from './reconcile.js'
import { type Runner } from './runner.js'
import { type Aim, type Body } from './slot.js'
import { type UpstreamTarget } from './upstream-options.js'
import { secretVersionOf, type ViewEntry, type ViewMcpServer } from './view.js'

/** What a session gives its entries to start with. */
export type LaunchOf = (entry: ViewMcpServer) => Pick<UpstreamTarget, 'guard' | 'secrets' | 'pins'>

/** Hands one decision on the catalog to the runner. The only place where an entry becomes something to start. */
export function performAction(runner: Runner, action: Action, launchOf: LaunchOf): void {
  switch (action.type) {
    case 'UNLOAD': {
      const { key, mode, deadlineSeconds, reason, position } = action
      return runner.stop(key, { mode, deadlineSeconds, reason }, position)
    }
    case 'REFUSE': return runner.refuse(aimOf(action, null), action.keepsLastGood ? 'FAIL' : 'REFUSE', action.reason)
    case 'ROTATE':
      if (action.isMoved) runner.withhold(action.key)
      return runner.rotate(action.key, action.secretVersion, action.position)
    case 'DEFER': return runner.defer(aimOf(action, null), action.reason)
    case 'RELABEL': return runner.relabel(aimOf(action, action.note), bodyOf(action.entry, launchOf))
    case 'LOAD':
    case 'REPLACE': return runner.start(aimOf(action, action.note), bodyOf(action.entry, launchOf))
  }
}

function aimOf({ key, position, entry }: { key: string; position: number; entry: ViewEntry }, note: string | null): Aim {
  const { kind, name, id, revision, digest } = entry
  return { key, kind, name, origin: 'catalog', entryId: id, revision, digest, secretVersion: secretVersionOf(entry), note, position }
}

function bodyOf(entry: ViewEntry, launchOf: LaunchOf): Body {
  if (entry.kind === 'AGENT') return { kind: 'AGENT', definition: entry.definition }
  const { description, transport, tools, timeoutMs, default: isDefault } = entry.definition
  return { kind: 'MCP_SERVER', description, isDefault, target: { transport, tools, timeoutMs, ...launchOf(entry) }, baseEnv: {} }
}
