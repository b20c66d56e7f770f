import { type IntegrationSecretsQuery, type SecretReferenceScope } from '../../generated/graphql.js'

export type Binding = IntegrationSecretsQuery['secretBindings'][number]

/** One secret that a server needs, and every place where it stands. */
export interface NeededSecret {
  scope: SecretReferenceScope
  name: string
  places: Binding[]
}

/** A secret that stands at several places is one thing to set, and to look at. */
export function neededSecrets(bindings: readonly Binding[]): NeededSecret[] {
  const found = new Map<string, NeededSecret>()
  for (const binding of bindings) {
    const { scope, name } = binding.reference
    const key = `${scope} ${name}`
    const known = found.get(key)
    if (known === undefined) found.set(key, { scope, name, places: [binding] })
    else known.places.push(binding)
  }
  return [...found.values()]
}

export const referenceText = ({ scope, name }: Pick<NeededSecret, 'scope' | 'name'>) => `\${${scope === 'OWNER' ? 'secret' : 'user'}:${name}}`
