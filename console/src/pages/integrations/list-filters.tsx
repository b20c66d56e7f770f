import { NativeSelect, TextInput } from '@mantine/core'
import { type EntryStatus, type TransportKind } from '../../generated/graphql.js'
import classes from './integrations.module.css'

const statuses: Record<EntryStatus, string> = {
  ACTIVE: 'Active', DISABLED: 'Disabled', PENDING_APPROVAL: 'Waits for approval', REJECTED: 'Rejected', POLICY_DENIED: 'Denied by policy', REVOKED: 'Revoked',
}
const transports: Record<TransportKind, string> = { STDIO: 'STDIO', HTTP: 'HTTP', SSE: 'SSE' }

const keyIn = <Key extends string>(words: Record<Key, string>, text: string | null): Key | null => (text !== null && text in words ? text as Key : null)
const optionsOf = (any: string, words: Record<string, string>) => [{ value: '', label: any }, ...Object.entries(words).map(([value, label]) => ({ value, label }))]

export interface Filters {
  search: string
  status: EntryStatus | null
  transport: TransportKind | null
  /** Those that workers bring along, and not those of the catalog. */
  isStatic: boolean
  isAny: boolean
}

/** As the address has them: a filtered list can be passed on as a link. */
export function filtersOf(params: URLSearchParams): Filters {
  const [search, status, transport, isStatic] = [params.get('search') ?? '', keyIn(statuses, params.get('status')), keyIn(transports, params.get('transport')), params.get('provenance') === 'static']
  return { search, status, transport, isStatic, isAny: search !== '' || status !== null || transport !== null }
}

export function ListFilters({ filters: { search, status, transport, isStatic }, onFilter }: { filters: Filters; onFilter: (name: string, value: string) => void }) {
  return (
    <div className={classes.filters} role="search">
      <TextInput type="search" aria-label="Search by name or description" placeholder="Search" value={search} onChange={({ currentTarget }) => onFilter('search', currentTarget.value)} />
      <NativeSelect
        aria-label="Provenance" value={isStatic ? 'static' : ''} onChange={({ currentTarget }) => onFilter('provenance', currentTarget.value)}
        data={optionsOf('Of the catalog', { static: 'Of workers' })}
      />
      {!isStatic && <NativeSelect aria-label="Status" value={status ?? ''} onChange={({ currentTarget }) => onFilter('status', currentTarget.value)} data={optionsOf('Any status', statuses)} />}
      {!isStatic && <NativeSelect aria-label="Transport" value={transport ?? ''} onChange={({ currentTarget }) => onFilter('transport', currentTarget.value)} data={optionsOf('Any transport', transports)} />}
    </div>
  )
}
