import { hasReference, isSecretName, referencesIn } from '../../../../src/core/secret-ref.js'
import { type Finding } from '../../data/problem.js'
import { type Pair } from './server-draft.js'

/** That a value becomes a secret, and a reference its place. */
export interface Offer {
  /** The value; null: it is not there, and has to be typed. */
  value: string | null
  /** What stays before the reference, such as `Bearer `. */
  prefix: string
  name: string
  /** As references write it: of the entry's owner, or of each person. */
  scope: 'secret' | 'user'
  /** The reference stands there already, and only its value is missing. */
  isStanding: boolean
}

/** Schemes of HTTP (RFC 9110 section 11.4) and their like, which are no secret. */
const scheme = /^(?:basic|bearer|bot|key|token|api-?key|jwt|negotiate|ntlm)[ \t]+(?=\S)/i
/** What an editor or a shell would have filled in. */
const variable = /\$\{?(?:env:|input:)?([A-Za-z_][\w.-]{0,63})/

/** What can be made of a finding about a header or a variable; null: nothing by one click. */
export function offerOf({ rule, message }: Finding, { name, value }: Pair, list: 'headers' | 'env', serverName: string): Offer | null {
  if (rule === 'secret-unknown') {
    const missing = referencesIn(value, '').find((reference) => message.includes(` ${reference.name} `))
    return missing === undefined ? null : { value: null, prefix: '', name: missing.name, scope: missing.scope === 'OWNER' ? 'secret' : 'user', isStanding: true }
  }
  if ((rule !== 'raw-secret' && rule !== 'dollar') || hasReference(value)) return null
  const prefix = list === 'headers' ? scheme.exec(value)?.[0] ?? '' : ''
  const meant = rule === 'dollar' ? variable.exec(value)?.[1] : undefined
  return {
    value: rule === 'dollar' ? null : value.slice(prefix.length), prefix, scope: 'secret', isStanding: false,
    name: secretName(meant ?? (list === 'env' ? name : `${serverName}-${name.toLowerCase()}`)),
  }
}

export const referenceOf = ({ scope, name }: Pick<Offer, 'scope' | 'name'>): string => `\${${scope}:${name}}`

/** The nearest name that a secret may have. */
function secretName(text: string): string {
  const name = text.replaceAll(/[^A-Za-z0-9_.-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '').slice(0, 60)
  return isSecretName(name) ? name : 'secret'
}

/** The name, or with a number behind it where it is taken: what others use is never replaced. */
export function freeSecretName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name
  for (let number = 2; ; number += 1) if (!taken.has(`${name}-${number}`)) return `${name}-${number}`
}
