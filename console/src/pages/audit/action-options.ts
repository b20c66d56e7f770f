import { accessWords, changeGroups, changeWords, chainNames } from '../../../../src/core/audit-words.js'
import { type AuditChainName } from '../../generated/graphql.js'

interface Option {
  value: string
  label: string
}

/** What one may filter actions by, in words with the code beside: changes by group, and of each group all of it. */
export function actionOptions(chain: AuditChainName): Array<Option | { group: string; items: Option[] }> {
  const any: Option = { value: '', label: 'Anything' }
  if (chainNames.find((name) => name.toUpperCase() === chain) === 'access') {
    return [any, ...Object.entries(accessWords).map(([value, words]) => ({ value, label: labelOf(typeof words === 'string' ? words : words[0], value) }))]
  }
  return [any, ...Object.entries(changeGroups).map(([prefix, group]) => ({
    group,
    items: [
      { value: `${prefix}.*`, label: `All of: ${group}` },
      ...Object.entries(changeWords).filter(([value]) => value.startsWith(`${prefix}.`)).map(([value, words]) => ({ value, label: labelOf(words, value) })),
    ],
  }))]
}

const labelOf = (words: string, code: string) => `${words.replaceAll(/\{\w+\}/g, '…')} (${code})`
