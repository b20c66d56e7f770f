import { cliLine } from '../../data/cli-line.js'

/** The parts of the filter, as in the path, the API and the CLI; each is compared as a whole. */
export const filterNames = ['action', 'target', 'actor'] as const
export type FilterName = (typeof filterNames)[number]
export type AuditFilter = Record<FilterName, string>

export function filterOf(params: URLSearchParams): AuditFilter {
  return { action: params.get('action')?.trim() ?? '', target: params.get('target')?.trim() ?? '', actor: params.get('actor')?.trim() ?? '' }
}

export function cliLineOf(filter: AuditFilter): string {
  return cliLine('audit list', [], Object.fromEntries(filterNames.map((name) => [name, filter[name] || undefined])))
}
