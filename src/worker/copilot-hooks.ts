import { type PermissionHandler, type PermissionRequestResult, type SessionHooks } from '@github/copilot-sdk'

/**
 * Why a tool may not be called now; null: nothing is said against it. Asked before every call of the runtime, so it looks
 * at memory alone.
 */
export type JudgeTool = (toolName: string) => string | null

/**
 * The host's hooks with the catalog's check before `onPreToolUse`. The runtime lets a call through when a hook throws, and
 * waits for ever when one does not answer; so the check answers at once, and denies when it fails. The host's hook is asked
 * about everything else, as it would be without the catalog.
 */
export function composeHooks(host: SessionHooks | undefined, judge: JudgeTool): SessionHooks {
  const onPreToolUse: NonNullable<SessionHooks['onPreToolUse']> = (input, invocation) => {
    const denial = denialOf(judge, input)
    if (denial !== null) return { permissionDecision: 'deny', permissionDecisionReason: denial }
    return host?.onPreToolUse?.(input, invocation)
  }
  return { ...host, onPreToolUse }
}

function denialOf(judge: JudgeTool, input: { toolName: string }): string | null {
  try {
    return judge(input.toolName)
  } catch {
    return 'The catalog could not check this tool.'
  }
}

const lastingApprovals: ReadonlySet<string> = new Set(['approve-for-session', 'approve-for-location', 'approve-permanently'])

/**
 * The host's permission handler, except that what it allows for longer than one call holds for one call alone where the
 * tool comes from the catalog: the runtime would not ask again, whatever stands behind that name by then.
 */
export function composePermissions(host: PermissionHandler, isCatalogServer: (serverName: string) => boolean): PermissionHandler {
  return async (request, invocation) => {
    const answer = await host(request, invocation)
    if (request.kind !== 'mcp' || !isCatalogServer(request.serverName)) return answer
    return answer.kind === 'attributed' ? { ...answer, result: onceOnly(answer.result) } : onceOnly(answer)
  }
}

function onceOnly(answer: PermissionRequestResult): PermissionRequestResult {
  return lastingApprovals.has(answer.kind) ? { kind: 'approve-once' } : answer
}
