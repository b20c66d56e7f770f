import { Button, TextInput } from '@mantine/core'
import { memo, useDeferredValue } from 'react'
import { Link, useParams, useSearchParams } from 'react-router'
import { useLivePages } from '../../data/use-live-pages.js'
import { UserListDocument, type UserListQuery } from '../../generated/graphql.js'
import { Badge } from '../../parts/badge.js'
import { CliLine } from '../../parts/code-block.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { ListDetail } from '../../parts/list-detail.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { RowLink } from '../../parts/row-link.js'
import { VirtualList } from '../../parts/virtual-list.js'
import { listUsersLine } from './people-lines.js'
import { PeopleTabs } from './people-tabs.js'
import classes from './people.module.css'

type Row = UserListQuery['users']['nodes'][number]

export function UserList() {
  const { id: openId } = useParams()
  const [params, setParams] = useSearchParams()
  const search = params.get('search') ?? ''
  const pages = useLivePages(UserListDocument, { variables: { search: useDeferredValue(search) || null }, topics: ['people'], pageOf: ({ users }) => users })
  const list = (
    <>
      <PageHeader title="Users" actions={<Button component={Link} to="/people/users/new">Add a user</Button>} />
      <PeopleTabs />
      <div className={classes.filters} role="search">
        <TextInput
          type="search" aria-label="Search by name or subject" placeholder="Search" value={search}
          onChange={({ currentTarget }) => setParams(currentTarget.value === '' ? {} : { search: currentTarget.value }, { replace: true })}
        />
      </div>
      <InlineError problem={pages.problem} retry={pages.refresh} />
      <p role="status" className={classes.count}>{pages.isLoading ? 'Loading…' : `${pages.items.length}${pages.hasMore ? '+' : ''} ${pages.items.length === 1 ? 'user' : 'users'}`}</p>
      {pages.items.length > 0 && (
        <VirtualList items={pages.items} label="Users" keyOf={({ id }) => id} rowHeight={64} onSee={pages.see}>
          {(row) => <UserRow row={row} isOpen={row.id === openId} query={params.toString()} />}
        </VirtualList>
      )}
      {!pages.isLoading && pages.items.length === 0 && pages.problem === null && <EmptyState title="Nobody matches">Take a part of the search away.</EmptyState>}
      <div className={classes.cli}><CliLine line={listUsersLine(search)} label="The list with the CLI" /></div>
    </>
  )
  return <ListDetail list={list} nothingOpen={<EmptyState title="Choose a user">Role, teams and tokens stand here.</EmptyState>} />
}

const UserRow = memo(function UserRow({ row: { id, displayName, provider, subject, role, deactivatedAt }, isOpen, query }: { row: Row; isOpen: boolean; query: string }) {
  return (
    <RowLink
      to={{ pathname: `/people/users/${id}`, search: query }} isOpen={isOpen} name={displayName}
      badges={<>{role === 'ADMIN' && <Badge tone="info">admin</Badge>}{deactivatedAt != null && <Badge tone="bad">deactivated</Badge>}</>}
    >
      <OutsideText>{`${provider}/${subject}`}</OutsideText>
    </RowLink>
  )
})
