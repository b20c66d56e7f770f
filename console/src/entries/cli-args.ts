import { shellQuoted } from '../../../src/core/definition-text.js'
import { type OwnerKind } from '../generated/graphql.js'

interface Named {
  name: string
  owner: { kind: OwnerKind; id: string }
}

/** As the CLI names an owner: `me`, `deployment`, `team:ID` or `user:ID`. */
export function cliOwner({ kind, id }: Named['owner'], viewerId: string): string {
  if (kind === 'DEPLOYMENT') return 'deployment'
  return kind === 'USER' && id === viewerId ? 'me' : `${kind.toLowerCase()}:${id}`
}

/** `pilothouse COMMAND NAME …` for the person who is signed in, so that it can be pasted into a shell. */
export function cliOf(command: string, { name, owner }: Named, viewerId: string, ...more: readonly string[]): string {
  const whose = cliOwner(owner, viewerId)
  return ['pilothouse', ...command.split(' '), name, ...more, ...(whose === 'me' ? [] : ['--owner', whose])].map(shellQuoted).join(' ')
}
