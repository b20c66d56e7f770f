import { nodeSilentAfterMs } from '../core/subscription-target.js'
import { connectedForMs } from '../core/connected.js'
import { trustForMs } from '../core/worker-status.js'
import { type CatalogServices } from './context.js'

type Clock = Pick<CatalogServices, 'now'>

export const ago = ({ now }: Clock, ms: number): Date => new Date(now().getTime() - ms)

/** Workers that were not heard of since have had to stop by themselves: their sessions are no targets. */
export const stoppedByThemselves = (services: Clock): Date => ago(services, connectedForMs + trustForMs)

/** A node that was heard of since lives. */
export const nodesAliveSince = (services: Clock): Date => ago(services, nodeSilentAfterMs)
