import { type OwnerRef } from '../../../../src/core/owner.js'
import { cliLine, unless } from '../../data/cli-line.js'
import { scopeOf } from '../../data/scope.js'
import { type NeededSecret } from './needed-secret.js'

/** Sets the value where there is none, and confirms where it goes. `owner`: whose secret it is. */
export function connectLines({ scope, name }: Pick<NeededSecret, 'scope' | 'name'>, { entryId, owner, viewerId }: { entryId: string; owner: OwnerRef; viewerId: string }, isToSet: boolean, isToConfirm: boolean): string {
  return [
    ...(isToSet ? [cliLine('secret set', [name], { owner: unless('me', scope === 'USER' ? 'me' : scopeOf(owner, viewerId)) })] : []),
    ...(isToConfirm ? [cliLine('secret bind', [entryId, `${scope === 'OWNER' ? 'secret' : 'user'}:${name}`])] : []),
  ].join('\n')
}

/** Has a worker connect to an entry in a session of `session`. */
export function probeLine(name: string, owner: OwnerRef, session: OwnerRef, viewerId: string): string {
  const byDefault = owner.kind === 'USER' ? 'me' : scopeOf(owner, viewerId)
  return cliLine('probe', [name], { owner: unless('me', scopeOf(owner, viewerId)), for: unless(byDefault, scopeOf(session, viewerId)) })
}
