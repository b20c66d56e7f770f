/**
 * References to secrets: `${secret:NAME}` (of the entry's owner) and `${user:NAME}` (of the person the session acts for).
 * They are the only `$` that a definition may hold, and only in values of headers and environment (S1): the agent
 * runtimes expand every other form from their own environment.
 */
export type SecretReferenceScope = 'OWNER' | 'USER'

export interface SecretReference {
  scope: SecretReferenceScope
  name: string
  /** `header:NAME` or `env:NAME`. */
  injectionPoint: string
}

const name = '[A-Za-z0-9][A-Za-z0-9_.-]{0,63}'
const reference = new RegExp(`\\$\\{(secret|user):(${name})\\}`, 'g')
const wholeName = new RegExp(`^${name}$`)

/** Whether a secret may be called so: what a reference can hold. */
export function isSecretName(text: string): boolean {
  return wholeName.test(text)
}

/** An injection point for people: `the header Authorization`, `the variable KEY`. */
export function placeText(injectionPoint: string): string {
  const at = injectionPoint.indexOf(':')
  return `the ${injectionPoint.slice(0, at) === 'header' ? 'header' : 'variable'} ${injectionPoint.slice(at + 1)}`
}

/** Whether a `$` is left once every well-formed reference is taken out. */
export function hasStrayDollar(value: string): boolean {
  return withoutReferences(value).includes('$')
}

/** What a value says by itself. */
export function withoutReferences(value: string): string {
  return value.replace(reference, '')
}

export function hasDollar(value: string): boolean {
  return value.includes('$')
}

export function hasReference(value: string): boolean {
  return withoutReferences(value) !== value
}

export function referencesIn(value: string, injectionPoint: string): SecretReference[] {
  return [...value.matchAll(reference)].map(([, scope, secretName]) => ({
    scope: scope === 'secret' ? 'OWNER' : 'USER',
    name: secretName!,
    injectionPoint,
  }))
}

/** The value with something in place of each reference, exactly as it is given: a `$` in it means nothing. */
export function fillReferences(value: string, valueOf: (one: Pick<SecretReference, 'scope' | 'name'>) => string): string {
  return value.replace(reference, (_, scope: string, name: string) => valueOf({ scope: scope === 'secret' ? 'OWNER' : 'USER', name }))
}
