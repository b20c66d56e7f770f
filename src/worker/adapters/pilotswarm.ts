import { attachResolver } from '../pilotswarm-attach.js'
import { type CapabilityResolver, createResolver, type ResolverOptions } from '../pilotswarm-resolver.js'

export type { SessionOwner } from '../pilotswarm-owner.js'
export type { CapabilityResolver, ResolverOptions, SessionCapabilities, SessionPrincipal } from '../pilotswarm-resolver.js'
export type { PilotSwarmClient, PilotSwarmSessions, PilotSwarmWorker } from '../pilotswarm-worker.js'

export interface PilotSwarmBindingOptions extends ResolverOptions {
  /** A `PilotSwarmWorker`, best before its `start()`; warm sessions of one that runs are resumed with their next turn. */
  worker: object
}

export interface PilotSwarmBinding extends Pick<CapabilityResolver, 'session'> {
  /** Puts PilotSwarm's methods back and ends everything of the catalog; the sessions go on without it. */
  close: () => Promise<void>
}

/**
 * Gives each session of a PilotSwarm worker what the catalog has for the session's owner: one MCP server, `catalog`, whose tools
 * come and go while the session lives, and the owner's agents. PilotSwarm's own configuration stays as it is. For a PilotSwarm
 * that takes a resolver, give it `pilotSwarmResolver` and do not attach.
 * @throws TypeError when it is no PilotSwarm worker as they are known (0.5.42), naming what it lacks; when it is attached already;
 *   when `catalog` has a static layer
 */
export function attachPilotSwarm({ worker, ...options }: PilotSwarmBindingOptions): PilotSwarmBinding {
  const resolver = createResolver(options)
  return { session: resolver.session, close: attachResolver(worker, resolver, options.log) }
}

/**
 * The same as one option, for a worker that asks before each turn and says when a session is not warm any more.
 * @throws TypeError when `catalog` has a static layer
 */
export function pilotSwarmResolver(options: ResolverOptions): CapabilityResolver {
  return createResolver(options)
}
