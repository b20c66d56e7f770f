import { Button } from '@mantine/core'
import { Link, useParams } from 'react-router'
import { useLiveQuery } from '../../data/use-live-query.js'
import { useViewer } from '../../data/viewer.js'
import { TeamListDocument } from '../../generated/graphql.js'
import { CliLine } from '../../parts/code-block.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { ListDetail } from '../../parts/list-detail.js'
import { PageHeader } from '../../parts/page-header.js'
import { RowLink } from '../../parts/row-link.js'
import { VirtualList } from '../../parts/virtual-list.js'
import { counted } from './counted.js'
import { listTeamsLine } from './people-lines.js'
import { PeopleTabs } from './people-tabs.js'
import classes from './people.module.css'

export function TeamList() {
  const { isAdmin } = useViewer()
  const { id: openId } = useParams()
  const { data, problem, isLoading, refresh } = useLiveQuery(TeamListDocument, { variables: {}, topics: ['people'] })
  const list = (
    <>
      <PageHeader title="Teams" actions={isAdmin && <Button component={Link} to="/people/teams/new">Add a team</Button>} />
      <PeopleTabs />
      <InlineError problem={problem} retry={refresh} />
      {isLoading && <p role="status">Loading…</p>}
      {data !== undefined && data.teams.length > 0 && (
        <VirtualList items={data.teams} label="Teams" keyOf={({ id }) => id} rowHeight={64}>
          {({ id, slug, displayName, members }) => (
            <RowLink to={`/people/teams/${id}`} isOpen={id === openId} name={displayName}>{slug}, {counted(members.length, 'member')}</RowLink>
          )}
        </VirtualList>
      )}
      {data?.teams.length === 0 && (
        <EmptyState title={isAdmin ? 'No team yet' : 'You are in no team'}>
          <p>{isAdmin ? 'A team owns entries and secrets together. Add one, then its members.' : 'An admin or a maintainer of a team can add you.'}</p>
        </EmptyState>
      )}
      <div className={classes.cli}><CliLine line={listTeamsLine} label="The list with the CLI" /></div>
    </>
  )
  return <ListDetail list={list} nothingOpen={<EmptyState title="Choose a team">Its members stand here.</EmptyState>} />
}
